"""ClickHouse's HTTP interface as an ASGI application: authenticate, read, run, answer."""

import asyncio
import logging
import secrets
from base64 import b64decode
from concurrent.futures import Future
from typing import Any

from premortem.embedded.clickhouse import answer, encoding, request
from premortem.embedded.clickhouse.answer import Refused
from premortem.embedded.clickhouse.engine import Engine
from premortem.embedded.clickhouse.execution import Execution
from premortem.embedded.clickhouse.reply import Message, Receive, Reply, Send, plain
from premortem.embedded.clickhouse.workers import Deadline, Gone, Workers

_log = logging.getLogger(__name__)
_BODY_SECONDS = 60.0
_OK = frozenset(("/ping", "/replicas_status"))


class ClickHouseApp:
    """The interface over one engine; `password` empty = whoever reaches the port may ask."""

    def __init__(self, engine: Engine, password: str, limits: request.Limits) -> None:
        self._engine, self._password, self._limits = engine, password.encode(), limits
        self._readers = Workers("question", threads=8, waiting=64)
        self._writers = Workers("insertion", threads=4, waiting=64)
        self._control = Workers("control", threads=2, waiting=10_000)
        self._instance = secrets.token_hex(6)
        self._served = 0

    def stop(self) -> None:
        """Start no statement any more."""
        for workers in (self._readers, self._writers, self._control):
            workers.stop()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["path"] in _OK:
            await plain(send, 200, b"Ok.\n", [])
            return
        self._served += 1
        reply = Reply(send, f"{self._instance}-{self._served}", self._engine.version)
        try:
            await self._answer(scope, receive, reply)
        except Gone:
            _log.info("the client of %s left", reply.query_id)
        except TimeoutError:
            await reply.error(answer.TIMEOUT_EXCEEDED, "Code: 159. DB::Exception: The body came too slowly")
        except Refused as problem:
            await reply.error(problem.code, str(problem))
        except RuntimeError as problem:  # the engine raises no other
            await reply.error(answer.code_of(str(problem)), str(problem))

    async def _answer(self, scope: Message, receive: Receive, reply: Reply) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        url = request.parameters(scope["query_string"])
        reply.query_id = _printable(url.get("query_id", "")) or reply.query_id
        self._check(scope, headers, url)
        async with asyncio.timeout(_BODY_SECONDS):
            body = await self._body(receive, headers)
        read_only = scope["method"] == "GET"
        asked = request.statement(reply.statement_id, url, headers, body, read_only=read_only, limits=self._limits)
        if url.get("enable_http_compression") in ("1", "true"):
            reply.encoding = encoding.chosen(headers.get("accept-encoding", ""))
        gone = asyncio.ensure_future(_departure(receive))
        try:
            await self._run(Execution(self._engine, asked, self._limits), reply, Deadline(asked.seconds, gone))
        finally:
            gone.cancel()

    def _check(self, scope: Message, headers: dict[str, str], url: dict[str, str]) -> None:
        if scope["path"] not in ("/", ""):
            raise Refused(answer.UNKNOWN_ROUTE, "NOT_FOUND", f"There is no handle {scope['path'][:80]}")
        if scope["method"] not in ("GET", "POST"):
            raise Refused(answer.NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "Only GET and POST are answered")
        if self._password and not secrets.compare_digest(_password(headers, url), self._password):
            why = "default: Authentication failed: password is incorrect, or there is no user with such name"
            raise Refused(answer.AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", why)

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
            size += len(pieces[-1])
            if size > self._limits.body_bytes:
                raise Refused(answer.TOO_MANY_BYTES, "TOO_MANY_BYTES", f"The body is too large: {size} bytes")
        coding = headers.get("content-encoding", "").strip().lower()
        if not coding:
            return b"".join(pieces)
        return await asyncio.to_thread(b"".join, encoding.decompressed(pieces, coding, self._limits.body_bytes))

    async def _run(self, execution: Execution, reply: Reply, deadline: Deadline) -> None:
        """Run the statement in threads, step by step; whatever happens, it ends and its connection is closed."""
        workers = self._writers if execution.insertion else self._readers
        begun = workers.submit(execution.start)
        step: Future[Any] = begun
        try:
            piece, complete = await deadline.wait(begun)
            await deadline.send(reply.start(execution, len(piece) if complete else None))
            await deadline.send(reply.more(piece))
            while not complete:
                step = workers.submit(execution.more)
                block = await deadline.wait(step)
                complete = block is None
                await deadline.send(reply.more(block or b""))
            await deadline.send(reply.end())
        finally:
            if step.done() or step.cancel():
                if execution.is_open:
                    self._control.submit(execution.close)
            else:
                self._control.submit(lambda: self._engine.end(reply.statement_id))
                step.add_done_callback(lambda _: execution.close())


async def _departure(receive: Receive) -> None:
    """Return when the client has closed its connection."""
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


def _printable(text: str) -> str:
    return "".join(letter for letter in text[:100] if letter.isascii() and letter.isprintable())
