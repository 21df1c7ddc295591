"""The HTTP server: uvicorn in one thread, with the limits on headers that it lacks.

One thread, because every hand-over between threads costs more than a small request: with few connections a server that
reads sockets in threads of its own answered a third as many.
"""

import asyncio
import signal
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEADER_SECONDS = 5.0
_HEADER_BYTES = 64 * 1024
_KEEP_ALIVE_SECONDS = 75
_STOP_SECONDS = 5


class GuardedProtocol(HttpToolsProtocol):
    """Cuts off a connection whose headers do not come in time, or do not end: neither holds memory or a place."""

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first request's headers from now on."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect no more."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before the end of the headers."""
        super().data_received(data)
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > _HEADER_BYTES:
                self._cut_off(b"431 Request Header Fields Too Large", f"headers exceed {_HEADER_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Expect the next request's headers."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """Expect no more headers."""
        self._headers_came()
        super().on_headers_complete()

    def _expect_headers(self) -> None:
        if self._deadline is None:
            self._header_bytes = 0
            late = b"408 Request Timeout", f"headers were not complete after {_HEADER_SECONDS:g} s"
            self._deadline = self.loop.call_later(_HEADER_SECONDS, self._cut_off, *late)

    def _headers_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut_off(self, status: bytes, detail: str) -> None:
        self._headers_came()
        if self.transport.is_closing():
            return
        body = f'{{"detail":"{detail}"}}'.encode()
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(b"HTTP/1.1 %s\r\n%s%s" % (status, head, body))
        self.transport.close()


async def serve(app: Any, host: str, port: int) -> None:
    """Serve the ASGI application until SIGTERM or SIGINT; raises OSError when it cannot listen."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=1024,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn sends itself the signal again once it has ended
    await uvicorn.Server(config).serve()
