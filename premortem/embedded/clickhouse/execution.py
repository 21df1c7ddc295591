"""One statement on a connection of its own, run in steps by worker threads: start, more, more, close."""

from collections.abc import Iterator
from time import perf_counter_ns
from typing import Any

import orjson

from premortem.embedded.clickhouse import statement as text
from premortem.embedded.clickhouse.answer import SYNTAX_ERROR, Refused, Summary, empty_native_block
from premortem.embedded.clickhouse.engine import Engine
from premortem.embedded.clickhouse.request import Limits, Statement

HELD_BACK = 1 << 20
"""So much of an answer is collected before any of it leaves: a short one has a length, a summary, an honest status."""

_PIECE = 1 << 20


class Execution:
    """A statement on its way. `start` and `more` raise RuntimeError with the engine's message, or Refused.

    One step at a time, from any thread; `close` comes after the last of them, whatever happened.
    """

    def __init__(self, engine: Engine, asked: Statement, limits: Limits) -> None:
        self.insertion = text.insertion(asked.sql, asked.body)
        self.summary = Summary()
        self.format: str | None = None
        """The format of the answer, once started; None when the statement answers nothing."""
        self._engine, self._asked, self._limits = engine, asked, limits
        self._sql = b""
        self._blocks: Iterator[bytes] = iter(())
        self._connection: Any = None
        self._stream: Any = None

    def start(self) -> tuple[bytes, bool]:
        """Run the statement until it ends or has answered a megabyte; return that, and whether it is everything."""
        begun = perf_counter_ns()
        self._connect()
        self._blocks = self._insert(self.insertion) if self.insertion else self._query()
        held: list[bytes] = []
        size = 0
        complete = True
        for block in self._blocks:
            held.append(block)
            size += len(block)
            if size > HELD_BACK:
                complete = False
                break
        self.summary.elapsed_ns = perf_counter_ns() - begun
        if complete:
            self.close()
        return b"".join(held), complete

    @property
    def is_open(self) -> bool:
        """Whether there is something to close."""
        return self._connection is not None

    def more(self) -> bytes | None:
        """Return the next block of the answer, or None at its end."""
        return next(self._blocks, None)

    def close(self) -> None:
        """Give the connection back, and end the statement if it is still running; may take as long as one block."""
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
        self._connection = self._engine.connect(
            {
                **asked.settings,
                "max_execution_time": f"{asked.seconds:.3f}",
                "log_comment": asked.id,  # by which `Engine.end` finds it
                **({"readonly": "2"} if asked.read_only else {}),
            }
        )
        if asked.database:
            self._connection.query(f"USE {_quoted(asked.database)}", "Null")

    def _insert(self, insertion: text.Insertion) -> Iterator[bytes]:
        """Send the rows beside the statement: in its text, a line break in binary data would end them."""
        stream = self._connection.send_insert(insertion.sql, insertion.format)
        data = memoryview(insertion.data)
        for start in range(0, len(data), _PIECE):
            self._connection.insert_append(stream, bytes(data[start : start + _PIECE]))
        done = self._connection.insert_done(stream)
        self.summary.written_rows, self.summary.written_bytes = done.rows_written(), done.bytes_written()
        return iter(())

    def _query(self) -> Iterator[bytes]:
        self._sql = b"\n".join(filter(None, (self._asked.sql, self._asked.body))).strip()
        kind = self._connection.classify_query(self._sql)
        if kind["statement_count"] > 1:
            raise Refused(SYNTAX_ERROR, "SYNTAX_ERROR", "Multi-statements are not allowed")
        wanted, streamed = text.answer_format(self._sql, self._asked.default_format)
        self.format = wanted if text.answers_rows(self._sql) else None
        if streamed and kind["query_class"].name == "READ_ONLY":
            return self._streamed(wanted)
        answer = self._whole(wanted)
        if kind["statement_count"] == 0:  # the engine passes over comments and stray bytes in silence
            raise Refused(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
        return iter((answer,))

    def _streamed(self, wanted: str) -> Iterator[bytes]:
        self._stream = self._connection.send_query(self._sql, wanted, params=dict(self._asked.params))
        while True:
            result = self._connection.streaming_fetch_result(self._stream)
            if result is None or result.rows_read() == 0:
                break
            block = bytes(result.bytes())
            self.summary.result_rows += result.rows_read()
            self.summary.result_bytes += len(block)
            yield block
        self._stream = None
        if self.summary.result_rows == 0 and wanted == "Native":
            yield self._header()

    def _whole(self, wanted: str) -> bytes:
        if self.format:
            limit = f"SET max_result_bytes = {self._limits.answer_bytes}, result_overflow_mode = 'throw'"
            self._connection.query(limit, "Null")
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
