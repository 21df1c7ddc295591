"""One statement on a connection of its own, run in steps by worker threads: start, block after block, close."""

from collections.abc import Iterator
from time import perf_counter_ns
from typing import Any

import orjson

from premortem.embedded.clickhouse import statement as text
from premortem.embedded.clickhouse.answer import SYNTAX_ERROR, Refused, Summary, empty_native_block
from premortem.embedded.clickhouse.engine import Engine, literal
from premortem.embedded.clickhouse.request import Limits, Statement

_PIECE = 1 << 20


class Execution:
    """A statement on its way. `start` and `blocks` raise RuntimeError with the engine's message, or Refused.

    Not thread-safe: one step at a time, from any thread.
    """

    def __init__(self, engine: Engine, asked: Statement, limits: Limits) -> None:
        self._engine, self._asked, self._limits = engine, asked, limits
        self._sql = (asked.sql + b"\n" + asked.body if asked.sql and asked.body else asked.sql or asked.body).strip()
        self._connection: Any = None
        self._stream: Any = None
        self.summary = Summary()
        self.format: str | None = None

    def start(self) -> Iterator[bytes]:
        """Run the statement and return the blocks of its answer; whatever can fail before the first block fails here.

        Afterwards `format` is the answer's format, or None when the statement answers nothing.
        """
        begun = perf_counter_ns()
        insertion = text.insertion(self._asked.sql, self._asked.body)
        self._connect()
        if insertion:
            blocks = self._insert(insertion)
        else:
            blocks = self._query()
        first = next(blocks, b"")
        self.summary.elapsed_ns = perf_counter_ns() - begun
        return _chain(first, blocks)

    def close(self) -> None:
        """Give the connection back; ends the statement when it is still running. May take as long as one block."""
        stream, self._stream = self._stream, None
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if stream is not None:
                connection.streaming_cancel_query(stream)
        finally:
            connection.close()

    def _connect(self) -> None:
        asked = self._asked
        settings = {
            **asked.settings,
            "max_execution_time": f"{asked.seconds:.3f}",
            "log_comment": asked.query_id,
            **({"readonly": "2"} if asked.read_only else {}),
        }
        self._connection = self._engine.connect(settings)
        if asked.database and asked.database != "default":
            self._connection.query(f"USE {_quoted(asked.database)}", "Null")

    def _insert(self, insertion: text.Insertion) -> Iterator[bytes]:
        """Send the rows beside the statement: in its text, a line break in binary data would end them."""
        stream = self._connection.send_insert(insertion.sql, insertion.format)
        data = memoryview(insertion.data)
        for start in range(0, len(data), _PIECE):
            self._connection.insert_append(stream, bytes(data[start : start + _PIECE]))
        done = self._connection.insert_done(stream)
        self.summary.written_rows, self.summary.written_bytes = done.rows_written(), done.bytes_written()
        yield b""

    def _query(self) -> Iterator[bytes]:
        if self._connection.classify_query(self._sql)["statement_count"] > 1:
            raise Refused(SYNTAX_ERROR, "SYNTAX_ERROR", "Multi-statements are not allowed")
        wanted = text.trailing_format(self._sql) or self._asked.default_format
        self.format = wanted if text.answers_rows(self._sql) else None
        if text.is_select(self._sql) and text.can_stream(wanted):
            yield from self._streamed(wanted)
        else:
            yield self._whole(wanted)

    def _streamed(self, wanted: str) -> Iterator[bytes]:
        rows = 0
        self._stream = self._connection.send_query(self._sql, wanted, params=dict(self._asked.params))
        while True:
            result = self._connection.streaming_fetch_result(self._stream)
            if result is None or result.rows_read() == 0:
                break
            block = result.bytes()
            rows += result.rows_read()
            self.summary.result_rows = rows
            self.summary.result_bytes += len(block)
            yield block
        self._stream = None
        if rows == 0 and wanted == "Native":
            yield self._header()

    def _whole(self, wanted: str) -> bytes:
        limit = {"max_result_bytes": str(self._limits.answer_bytes), "result_overflow_mode": "throw"}
        if self.format:
            clause = ", ".join(f"{name} = {literal(value)}" for name, value in limit.items())
            self._connection.query(f"SET {clause}", "Null")
        result = self._connection.query(self._sql, wanted, params=dict(self._asked.params))
        answer = bytes(result.bytes())
        self.summary.read_rows, self.summary.read_bytes = result.storage_rows_read(), result.storage_bytes_read()
        self.summary.written_rows, self.summary.written_bytes = result.rows_written(), result.bytes_written()
        self.summary.result_rows, self.summary.result_bytes = result.rows_read(), len(answer)
        return answer

    def _header(self) -> bytes:
        """Name the columns of an answer without rows. Nothing when the engine cannot describe the statement."""
        described = b"DESCRIBE TABLE (" + text.without_format(self._sql).rstrip(b"; \t\r\n") + b"\n)"
        try:
            answer = self._connection.query(described, "JSONCompactEachRow", params=dict(self._asked.params)).bytes()
            columns = [orjson.loads(line) for line in bytes(answer).splitlines()]
        except (RuntimeError, orjson.JSONDecodeError):
            return b""
        return empty_native_block([(name.encode(), type_.encode()) for name, type_, *_ in columns])


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
