"""PostgresServer: an embedded PostgreSQL in a folder, started and stopped by this process."""

import signal
import subprocess
import time
from pathlib import Path

from premortem.embedded import postgres_paths
from premortem.embedded.spawn import spawn
from premortem.exceptions import Conflict, Unavailable


class PostgresServer:
    """A PostgreSQL server that lives at most as long as the thread that started it.

    Start it from the main thread: the kernel ends the server when the *thread* that forked it ends (prctl(2)).
    `listen` is a loopback address for TCP with the generated password, empty for the socket alone. `durable=False` is
    for tests: fsync off.
    """

    def __init__(self, directory: Path, *, port: int = 5432, listen: str = "", durable: bool = True) -> None:
        self.directory = directory.absolute()
        self.port = port
        self._listen = listen
        self._durable = durable
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's pid. Raises Conflict when it was not started."""
        if self._server is None:
            raise Conflict("The server is not started. Call start() first.")
        return self._server.pid

    @property
    def log_file(self) -> Path:
        """The file that the server's words go to."""
        return self.directory / "server.log"

    def dsn(self, database: str = "premortem") -> str:
        """Return the owner's DSN of `database`, over the socket."""
        return postgres_paths.dsn(self.directory, self.port, database)

    def start(self, deadline_seconds: float = 60) -> None:
        """Start (again, after a crash) and wait until connections are accepted.

        Raises Unavailable with the server's last words, Conflict when it runs already.
        """
        if self._server is not None:
            try:
                self._server.wait(0.2)
            except subprocess.TimeoutExpired:
                raise Conflict("The server runs already. Call stop() first.") from None
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        arguments = [f"--directory={self.directory}", f"--port={self.port}", f"--listen={self._listen}"]
        arguments.append(f"--patience={deadline_seconds / 3}")
        if not self._durable:
            arguments.append("--no-fsync")
        self._server = spawn("premortem.embedded.postmaster", arguments, {}, self.log_file, signal.SIGQUIT)
        deadline = time.monotonic() + deadline_seconds
        while not postgres_paths.is_ready(self.directory, self._server.pid):
            if self._server.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGQUIT)
                words = self.log_file.read_text(errors="replace").strip()[-1000:]
                raise Unavailable(f"PostgreSQL did not start in {deadline_seconds:.0f} s. Its last words: {words}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT, deadline_seconds: float = 8) -> None:
        """Stop the server (SIGINT: clients are cut off and a checkpoint is written); does nothing when it is down."""
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()
        self._server = None
