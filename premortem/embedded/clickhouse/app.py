"""ClickHouse's HTTP interface as an ASGI application: one request in, one answer out, whole or streamed.

A first megabyte of the answer is held back, so that a short answer has its length, its summary and an honest status;
a longer one is streamed as the client takes it, and a failure on the way is told in the stream.
"""

import asyncio
import logging
import secrets
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from premortem.embedded.clickhouse import answer, encoding, request
from premortem.embedded.clickhouse.answer import Refused
from premortem.embedded.clickhouse.engine import Engine
from premortem.embedded.clickhouse.execution import Execution
from premortem.embedded.clickhouse.statement import insertion
from premortem.embedded.clickhouse.workers import Deadline, Gone, Workers

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)
_HELD_BACK = 1 << 20
_WORTH_COMPRESSING = 1024
_BODY_SECONDS = 60.0
_OK = {"/ping": b"Ok.\n", "/replicas_status": b"Ok.\n"}


class ClickHouseApp:
    """The interface over one engine; `password` empty = whoever reaches the port may ask."""

    def __init__(self, engine: Engine, password: str, limits: request.Limits) -> None:
        self._engine, self._password, self._limits = engine, password.encode(), limits
        self._readers = Workers("question", threads=8, waiting=64)
        self._writers = Workers("insertion", threads=4, waiting=64)
        self._control = Workers("control", threads=1, waiting=1000)
        self._instance = secrets.token_hex(6)
        self._served = 0

    def stop(self) -> None:
        """Start no statement any more."""
        for workers in (self._readers, self._writers, self._control):
            workers.stop()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        assert scope["type"] == "http"
        if scope["path"] in _OK:
            await _reply(send, 200, _OK[scope["path"]], [])
            return
        self._served += 1
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = _Reply(self._engine.version, f"{self._instance}-{self._served}", send)
        gone: asyncio.Future[None] | None = None
        try:
            url = request.parameters(scope["query_string"])
            reply.query_id = _header_safe(url.get("query_id", "")) or reply.query_id
            self._check(scope, headers, url)
            async with asyncio.timeout(_BODY_SECONDS):
                body = await self._body(receive, headers)
            asked = request.statement(
                reply.query_id, url, headers, body, get=scope["method"] == "GET", limits=self._limits
            )
            if url.get("enable_http_compression") in ("1", "true"):
                reply.encoding = encoding.chosen(headers.get("accept-encoding", ""))
            gone = asyncio.ensure_future(_left(receive))
            await self._run(asked, reply, Deadline(asked.seconds, gone))
        except Gone:
            _log.info("client of %s left", reply.query_id)
        except TimeoutError:
            await reply.error(answer.TIMEOUT_EXCEEDED, "Code: 159. DB::Exception: The body came too slowly")
        except Refused as problem:
            await reply.error(problem.code, str(problem))
        except RuntimeError as problem:  # the engine's only exception
            await reply.error(answer.code_of(str(problem)), str(problem))
        finally:
            if gone:
                gone.cancel()

    def _check(self, scope: Message, headers: dict[str, str], url: dict[str, str]) -> None:
        if scope["path"] not in ("/", ""):
            raise Refused(answer.UNKNOWN_ROUTE, "NOT_FOUND", f"There is no handle {scope['path'][:80]}")
        if scope["method"] not in ("GET", "POST"):
            raise Refused(answer.NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "Only GET and POST are answered")
        if self._password and not secrets.compare_digest(_password(headers, url), self._password):
            raise Refused(
                answer.AUTHENTICATION_FAILED,
                "AUTHENTICATION_FAILED",
                "default: Authentication failed: password is incorrect, or there is no user with such name",
            )

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._limits.body_bytes:
                raise Refused(
                    answer.HTTP_LENGTH_EXCEEDED,
                    "TOO_MANY_BYTES",
                    f"The body is larger than {self._limits.body_bytes} bytes",
                )
            if not message.get("more_body"):
                break
        coding = headers.get("content-encoding", "").strip().lower()
        if not coding:
            return b"".join(pieces)
        decompressed = encoding.decompressed(pieces, coding, self._limits.body_bytes)
        return await asyncio.to_thread(b"".join, decompressed)

    async def _run(self, asked: request.Statement, reply: "_Reply", deadline: Deadline) -> None:
        """Run the statement in a thread, step by step; however it ends, its connection is closed in the end."""
        execution = Execution(self._engine, asked, self._limits)
        workers = self._writers if insertion(asked.sql, asked.body) else self._readers
        step = workers.submit(execution.start)
        try:
            blocks = await deadline.wait(step)
            while True:
                step = workers.submit(lambda: next(blocks, None))
                block = await deadline.wait(step)
                if block is None:
                    break
                await reply.block(block, execution)
            await reply.end(execution)
        finally:
            if step.done():
                execution.close()
            elif not step.cancel():
                self._control.submit(lambda: self._engine.end(asked.query_id))
                step.add_done_callback(lambda _: execution.close())


class _Reply:
    """The answer to one request, on its way out."""

    def __init__(self, version: str, query_id: str, send: Send) -> None:
        self.query_id = query_id
        self.encoding: str | None = None
        self._version, self._send = version, send
        self._held: list[bytes] = []
        self._size = 0
        self._started = False
        self._ended = False
        self._compressor: encoding.Compressor | None = None
        self._tag = secrets.token_hex(8)

    async def block(self, block: bytes, execution: Execution) -> None:
        if self._started:
            await self._more(block)
            return
        self._held.append(block)
        self._size += len(block)
        if self._size > _HELD_BACK:
            await self._start(execution, None)

    async def end(self, execution: Execution) -> None:
        if not self._started:
            await self._start(execution, self._size)
        tail = self._compressor.end() if self._compressor else b""
        self._ended = True
        await self._send({"type": "http.response.body", "body": tail})

    async def error(self, code: int, message: str) -> None:
        """Tell what went wrong: by status, or in the stream when the answer is on its way."""
        if self._ended:
            return
        self._ended = True
        text = answer.error_text(message, self._version)
        if self._started:
            mark = answer.exception_in_stream(text, self._tag)
            if self._compressor:
                mark = self._compressor.piece(mark) + self._compressor.end()
            await self._send({"type": "http.response.body", "body": mark})
            return
        headers = [(b"x-clickhouse-exception-code", str(code).encode()), (b"x-clickhouse-query-id", self.query_id.encode())]
        await _reply(self._send, answer.status_of(code), text, headers)

    async def _start(self, execution: Execution, size: int | None) -> None:
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
        for block in self._held:
            await self._more(block)
        self._held.clear()

    async def _more(self, block: bytes) -> None:
        body = await asyncio.to_thread(self._compressor.piece, block) if self._compressor else block
        if body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})


async def _reply(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"text/plain; charset=UTF-8"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _password(headers: dict[str, str], url: dict[str, str]) -> bytes:
    if key := headers.get("x-clickhouse-key"):
        return key.encode("latin-1")
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            return b64decode(token).partition(b":")[2]
        except ValueError:
            return b""
    return url.get("password", "").encode(errors="replace")


def _header_safe(text: str) -> str:
    return "".join(letter for letter in text[:100] if letter.isascii() and letter.isprintable())


def _content_type(name: str | None) -> bytes:
    if name is None or name.startswith(("TabSeparated", "TSV")):
        return b"text/tab-separated-values; charset=UTF-8"
    return b"application/json; charset=UTF-8" if name.startswith("JSON") else b"application/octet-stream"
