"""The answer to one request on its way out: headers, pieces, compression, and errors at any point of it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from premortem.embedded.clickhouse import answer, encoding
from premortem.embedded.clickhouse.execution import Execution

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_WORTH_COMPRESSING = 1024


class Reply:
    """One answer: `start`, then pieces by `more`, then `end`; or `error`, before the start or instead of the rest."""

    def __init__(self, send: Send, statement_id: str, version: str) -> None:
        self.statement_id = statement_id
        """Ours, and unique; the client's own `query_id` is merely repeated to it."""
        self.query_id = statement_id
        self.encoding: str | None = None
        """What the client takes compressed, and how; None = as it is."""
        self._send, self._version = send, version
        self._tag = secrets.token_hex(8)
        self._compressor: encoding.Compressor | None = None
        self._started = False

    async def start(self, execution: Execution, size: int | None) -> None:
        """Send status 200 and the headers; `size` is the length of the whole answer, None = not known yet."""
        headers = [
            (b"content-type", _content_type(execution.format)),
            (b"x-clickhouse-server-display-name", b"premortem"),
            (b"x-clickhouse-query-id", self.query_id.encode()),
            (b"x-clickhouse-timezone", b"UTC"),
            (b"x-clickhouse-exception-tag", self._tag.encode()),
            (b"x-clickhouse-summary", execution.summary.header()),
        ]
        if execution.format:
            headers.append((b"x-clickhouse-format", execution.format.encode()))
        if self.encoding and (size is None or size > _WORTH_COMPRESSING):
            self._compressor = encoding.compressor(self.encoding)
            headers.append((b"content-encoding", self.encoding.encode()))
        elif size is not None:
            headers.append((b"content-length", str(size).encode()))
        self._started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def more(self, piece: bytes) -> None:
        """Send a piece; returns when the connection can take the next one."""
        if self._compressor:
            piece = await asyncio.to_thread(self._compressor.piece, piece)
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Close the answer."""
        tail = self._compressor.end() if self._compressor else b""
        await self._send({"type": "http.response.body", "body": tail})

    async def error(self, code: int, message: str) -> None:
        """Tell what went wrong: by the status, or in the stream when the answer is on its way."""
        text = answer.error_text(message, self._version)
        if self._started:
            await self.more(answer.exception_in_stream(text, self._tag))
            await self.end()
            return
        headers = [
            (b"x-clickhouse-exception-code", str(code).encode()),
            (b"x-clickhouse-query-id", self.query_id.encode()),
        ]
        await plain(self._send, answer.status_of(code), text, headers)


async def plain(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer in plain text."""
    headers = [(b"content-type", b"text/plain; charset=UTF-8"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _content_type(name: str | None) -> bytes:
    if name is None or name.startswith(("TabSeparated", "TSV")):
        return b"text/tab-separated-values; charset=UTF-8"
    return b"application/json; charset=UTF-8" if name.startswith("JSON") else b"application/octet-stream"
