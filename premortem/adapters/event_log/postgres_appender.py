"""The event log's writing end for an event loop: one round trip a batch, no thread in between.

A thread would cost the gateway more than the append: each hand-over wakes another processor, and then both threads wait
for the interpreter's lock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool

from premortem.adapters.event_log.packed import Place, pack
from premortem.adapters.event_log.partitioner import place_of
from premortem.adapters.postgres import WAIT_SECONDS, connection_settings, statement, unavailable
from premortem.exceptions import Malformed
from premortem.ports import Append, Position, Topic

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresAppender:
    """Appends to the tables of `PostgresEventLog`. To be used in one event loop.

    `crash` is called inside an append, between writing and commit, by name; only then is there such a moment: without
    it the statement is its own transaction.
    """

    def __init__(self, dsn: str, *, connections: int = 2, crash: Callable[[str], None] | None = None) -> None:
        self._crash = crash
        self._partitions: dict[Topic, int] = {}
        self._opening = asyncio.Lock()
        self._opened = False
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            min_size=0,
            max_size=connections,
            timeout=WAIT_SECONDS,
            max_idle=300,
            reconnect_timeout=WAIT_SECONDS,
            kwargs={**connection_settings(), "autocommit": True},
            open=False,
        )

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records in one transaction."""
        if not records:
            return []
        await self._learn_partitions()
        packed = pack(records, self._place)
        for attempt in (0, 1):
            try:
                async with self._connected() as connection, self._transaction(connection):
                    sent = await connection.execute(statement(__file__, "append"), packed.arguments, binary=True)
                    row = await sent.fetchone()
                    if self._crash:
                        self._crash("event_log.before_commit")
                return packed.positions(row[0] if row else ())
            except errors.CheckViolation:  # midnight has passed: the payloads' table of the new day is missing
                if attempt:
                    raise
                async with self._connected() as connection:
                    await connection.execute(statement(__file__, "ensure_day"))
        raise AssertionError("not reached")

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _learn_partitions(self) -> None:
        """Ask once for the number of partitions of each topic, for it never changes."""
        if self._partitions:
            return
        async with self._connected() as connection:
            found = await connection.execute(statement(__file__, "count_partitions"))
            self._partitions = dict(await found.fetchall())

    def _place(self, record: Append) -> Place:
        count = self._partitions.get(record.topic)
        if count is None:
            raise Malformed(f"there is no topic {record.topic!r}. Create the topics: premortem migrate.")
        return place_of(record, count)

    def _transaction(self, connection: Connection) -> AbstractAsyncContextManager[object]:
        return connection.transaction() if self._crash else nullcontext()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        if not self._opened:
            async with self._opening:
                await self._pool.open()
                self._opened = True
        with unavailable():
            async with self._pool.connection() as connection:
                yield connection
