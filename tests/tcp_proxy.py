"""A TCP proxy on loopback for fault tests: connections through it can be cut, or let nothing pass any more."""

import socket
import threading


class TcpProxy:
    """Passes bytes on between its port and another one, each way in a thread of its own."""

    def __init__(self, target: int, port: int = 0) -> None:
        self._target = target
        self._passing = threading.Event()
        self._passing.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._refusing = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection; new ones are taken."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def refuse(self, refusing: bool = True) -> None:
        """Break every connection as soon as it is made, or stop doing so."""
        self._refusing = refusing
        self.cut()

    def freeze(self) -> None:
        """Let no byte pass, with all connections open; new ones are taken."""
        self._passing.clear()

    def thaw(self) -> None:
        """Let pass what waits, and all that follows."""
        self._passing.set()

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self.thaw()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            try:
                theirs = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                ours.close()
                continue
            with self._lock:
                self._pairs.append((ours, theirs))
            if self._refusing:
                self.cut()
                continue
            for source, sink in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                self._passing.wait()
                sink.sendall(piece)
        except OSError:
            pass
        finally:
            _close(source, sink)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster
        each.close()
