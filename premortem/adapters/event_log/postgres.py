"""The event log in PostgreSQL: for one machine, durable, without a broker.

Offsets are handed out under the lock of the partition's row, held to commit, so they have no gaps and become visible in
their order. (A sequence would not do: of two transactions the later number may commit first, and a reader that has
passed it never sees the earlier one.) Writers lock the partitions of a batch in one order, so they never deadlock.
"""

from collections.abc import Callable, Sequence

from psycopg import errors

from premortem.adapters.event_log.packed import Place, pack
from premortem.adapters.event_log.partitioner import place_of
from premortem.adapters.postgres import Pool, connected, statement
from premortem.exceptions import Conflict, Malformed, OffsetLost
from premortem.ports import TOPICS, Append, LogRecord, Position, Topic

TABLES: dict[Topic, str] = {
    "sentry.events": "log_events",
    "debugging.timeline": "log_timeline",
    "sentry.payloads": "log_payloads",
    "dead-letters": "log_dead_letters",
}


def create_topics(pool: Pool, partitions: int) -> list[str]:
    """Create every topic with so many partitions and return the new ones' names; those that exist stay.

    Raises Conflict when their number of partitions differs.
    """
    with connected(pool) as connection:
        before = {topic for topic, _ in connection.execute(statement(__file__, "count_partitions")).fetchall()}
        rows = [(topic, partition) for topic in TOPICS for partition in range(partitions)]
        connection.cursor().executemany(statement(__file__, "create_partition"), rows)
        found = connection.execute(statement(__file__, "count_partitions")).fetchall()
        for topic, count in found:
            if count != partitions:
                raise Conflict(
                    f"topic {topic} was created with another number of partitions than {partitions}, and it is fixed. "
                    f"Set PREMORTEM_PARTITIONS to what it was."
                )
    return [topic for topic in TOPICS if topic not in before]


class PostgresEventLog:
    """Topics as tables. `crash` is called inside an append, between writing and commit, by name (tests)."""

    def __init__(self, pool: Pool, *, crash: Callable[[str], None] | None = None) -> None:
        self._pool = pool
        self._crash = crash
        self._partitions: dict[Topic, int] = {}

    def partitions(self, topic: Topic) -> int:
        """Return how many partitions the topic has; asked once, for it never changes."""
        if not self._partitions:
            with connected(self._pool) as connection:
                self._partitions = dict(connection.execute(statement(__file__, "count_partitions")).fetchall())
        count = self._partitions.get(topic)
        if count is None:
            raise Malformed(f"there is no topic {topic!r}. Create the topics: premortem migrate.")
        return count

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records in one transaction."""
        if not records:
            return []
        packed = pack(records, self._place)
        for attempt in (0, 1):
            try:
                with connected(self._pool) as connection:
                    row = connection.execute(statement(__file__, "append"), packed.arguments, binary=True).fetchone()
                    if self._crash:
                        self._crash("event_log.before_commit")
                return packed.positions(row[0] if row else ())
            except errors.CheckViolation:  # midnight has passed: the payloads' table of the new day is missing
                if attempt:
                    raise
                with connected(self._pool) as connection:
                    connection.execute(statement(__file__, "ensure_day"))
        raise AssertionError("not reached")

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on."""
        with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_read(topic), (partition, offset, limit)).fetchall()
        records = [LogRecord(partition, *row) for row in rows]
        if records and records[0].offset != offset:
            raise OffsetLost(_lost(topic, partition, offset, records[0].offset))
        if not records and offset < (low := self.low_watermarks(topic)[partition]):
            raise OffsetLost(_lost(topic, partition, offset, low))
        return records

    def heads(self, topic: Topic) -> Sequence[int]:
        """Return the next offset of each partition."""
        return self._column(topic, "heads")

    def low_watermarks(self, topic: Topic) -> Sequence[int]:
        """Return the lowest readable offset of each partition."""
        return self._column(topic, "low_watermarks")

    def trim(self, topic: Topic, before: int) -> int:
        """Drop payloads of days that ended before `before` (ms), table by table; other topics are kept for ever."""
        if topic != "sentry.payloads":
            return 0
        with connected(self._pool) as connection:
            days = connection.execute(statement(__file__, "payload_days"), {"before": before}).fetchall()
            dropped = 0
            for (table,) in days:
                row = connection.execute(f'SELECT count(*) FROM "{table}"'.encode()).fetchone()  # noqa: S608 -- catalog's
                dropped += row[0] if row else 0
                connection.execute(f'DROP TABLE "{table}"'.encode())
            connection.execute(statement(__file__, "raise_low_watermarks"))
            connection.execute(statement(__file__, "ensure_day"))
        return dropped

    def _column(self, topic: Topic, name: str) -> Sequence[int]:
        with connected(self._pool) as connection:
            return [row[0] for row in connection.execute(statement(__file__, name), {"topic": topic}).fetchall()]

    def _place(self, record: Append) -> Place:
        return place_of(record, self.partitions(record.topic))


def _read(topic: Topic) -> bytes:
    return statement(__file__, "read_records").replace(b"log_table", TABLES[topic].encode())


def _lost(topic: Topic, partition: int, offset: int, low: int) -> str:
    return (
        f"{topic}/{partition} begins at offset {low}, and {offset} was asked for. The retention is shorter than the "
        f"outage was: what lay between is gone. Reset the reader's checkpoint to go on."
    )
