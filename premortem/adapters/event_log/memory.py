"""The event log in memory: for tests and for replaying without a database."""

import time
from collections.abc import Sequence
from threading import Lock

from premortem.adapters.event_log.partitioner import place_of
from premortem.exceptions import Malformed, OffsetLost
from premortem.ports import TOPICS, Append, LogRecord, Position, Topic

_DAY_MS = 86_400_000


class MemoryEventLog:
    """Lists under one lock; gone with the process."""

    def __init__(self, partitions: int = 4) -> None:
        self._lock = Lock()
        self._records: dict[Topic, list[list[LogRecord]]] = {t: [[] for _ in range(partitions)] for t in TOPICS}
        self._low: dict[Topic, list[int]] = {topic: [0] * partitions for topic in TOPICS}

    def partitions(self, topic: Topic) -> int:
        """Return how many partitions the topic has."""
        return len(self._records[topic])

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records, or none when one names no topic or partition of ours."""
        places = [self._place(record) for record in records]
        recorded_at = time.time_ns() // 1_000_000
        positions = []
        with self._lock:
            for record, (topic, partition) in zip(records, places, strict=True):
                held = self._records[topic][partition]
                offset = self._low[topic][partition] + len(held)
                held.append(LogRecord(partition, offset, record.key, record.value, recorded_at))
                positions.append(Position(topic, partition, offset))
        return positions

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on."""
        with self._lock:
            low = self._low[topic][partition]
            if offset < low:
                raise OffsetLost(f"{topic}/{partition} begins at offset {low}, and {offset} was asked for.")
            return self._records[topic][partition][offset - low : offset - low + limit]

    def heads(self, topic: Topic) -> Sequence[int]:
        """Return the next offset of each partition."""
        with self._lock:
            return [low + len(held) for low, held in zip(self._low[topic], self._records[topic], strict=True)]

    def low_watermarks(self, topic: Topic) -> Sequence[int]:
        """Return the lowest readable offset of each partition."""
        with self._lock:
            return list(self._low[topic])

    def trim(self, topic: Topic, before: int) -> int:
        """Drop records of days that ended before `before` (ms)."""
        midnight = before // _DAY_MS * _DAY_MS
        dropped = 0
        with self._lock:
            for partition, held in enumerate(self._records[topic]):
                old = sum(1 for record in held if record.recorded_at < midnight)
                del held[:old]
                self._low[topic][partition] += old
                dropped += old
        return dropped

    def _place(self, record: Append) -> tuple[Topic, int]:
        held = self._records.get(record.topic)
        if held is None:
            raise Malformed(f"there is no topic {record.topic!r}")
        return place_of(record, len(held))


class MemoryAppender:
    """The writing end of a memory log, for an event loop."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records, or none."""
        return self._log.append(records)

    async def close(self) -> None:
        """Let go of nothing."""
