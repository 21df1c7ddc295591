"""The event log in Apache Kafka: for more than one machine.

Read by plain positions: no consumer group, no commits, no transactions (docs/adr/0009). An offset that is gone is an
error, never a reason to go on elsewhere.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from premortem.adapters.event_log.kafka_client import DELIVERY_SECONDS, WAIT_SECONDS, name_of
from premortem.adapters.event_log.kafka_cursor import KafkaCursor
from premortem.adapters.event_log.kafka_producer import KafkaProducer
from premortem.adapters.event_log.kafka_topics import answer, counts_of, offsets, open_admin, require
from premortem.exceptions import Malformed, OffsetLost, Unavailable
from premortem.ports import Append, LogRecord, Position, Topic

_POLL_SECONDS = 0.05
_CURSORS_PER_PARTITION = 3
_DAY_MS = 86_400_000
Place = tuple[Topic, int]


class KafkaEventLog:
    """Topics as Kafka's. `crash` is called inside an append, between sending and the wait for the reports, by name."""

    def __init__(
        self,
        brokers: str,
        *,
        options: Mapping[str, str] | None = None,
        prefix: str = "",
        crash: Callable[[str], None] | None = None,
    ) -> None:
        self._brokers, self._options, self._prefix, self._crash = brokers, options or {}, prefix, crash
        self._admin = open_admin(brokers, self._options)
        self._producer = KafkaProducer(brokers, self._options, prefix)
        self._counts: Mapping[Topic, int] = {}
        self._heads: dict[Topic, Sequence[int]] = {}
        self._cursors: dict[Place, list[KafkaCursor]] = {}
        self._lock, self._appending = Lock(), Lock()

    def partitions(self, topic: Topic) -> int:
        """Return how many partitions the topic has; asked once, for it never changes."""
        if topic not in self._counts:
            self._counts = counts_of(self._admin, self._prefix)
        return require(self._counts, topic)

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records, one append after the other; returns when the last report has come."""
        if not records:
            return []
        with self._appending:
            pending = self._producer.send(records, self.partitions)
            if self._crash:
                self._crash("event_log.before_flush")
            deadline = time.monotonic() + DELIVERY_SECONDS + 1
            while pending.missing and time.monotonic() < deadline:
                self._producer.poll(_POLL_SECONDS)
            return pending.positions()

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on, none only when `offset` is the head.

        Raises OffsetLost below the low watermark and beyond the head, Unavailable when what is there does not come.
        """
        if not 0 <= partition < self.partitions(topic) or offset < 0:
            raise Malformed(f"{topic} has no partition {partition}, or no offset {offset}")
        known = self._heads.get(topic)
        if known is None or offset >= known[partition]:
            head = self.heads(topic)[partition]
            if offset == head:
                return []
            if offset > head:
                raise OffsetLost(
                    f"{topic}/{partition} ends at offset {head}, and {offset} was asked for: it was cut off, or made "
                    f"anew. Restore it, or reset the reader's checkpoint to go on."
                )
        with self._cursor((topic, partition), offset) as cursor:
            return cursor.read(offset, limit)

    def heads(self, topic: Topic) -> Sequence[int]:
        """Return the next offset of each partition."""
        heads = offsets(self._admin, name_of(topic, self._prefix), self.partitions(topic), OffsetSpec.latest())
        self._heads[topic] = heads
        return heads

    def low_watermarks(self, topic: Topic) -> Sequence[int]:
        """Return the lowest readable offset of each partition."""
        return offsets(self._admin, name_of(topic, self._prefix), self.partitions(topic), OffsetSpec.earliest())

    def trim(self, topic: Topic, before: int) -> int:
        """Drop payloads recorded on days that ended before `before` (ms); other topics are kept for ever.

        Kafka does so itself, by segments, as its retention says; this is for what must go earlier.
        """
        if topic != "sentry.payloads":
            return 0
        name, count = name_of(topic, self._prefix), self.partitions(topic)
        lows, heads = self.low_watermarks(topic), self.heads(topic)
        midnight = before // _DAY_MS * _DAY_MS
        found = offsets(self._admin, name, count, OffsetSpec.for_timestamp(midnight))
        ends = [head if first < 0 else first for first, head in zip(found, heads, strict=True)]
        cuts = [TopicPartition(name, p, end) for p, (end, low) in enumerate(zip(ends, lows, strict=True)) if end > low]
        if cuts:
            answer(self._admin.delete_records(cuts, request_timeout=WAIT_SECONDS), name)
        return sum(max(0, end - low) for end, low in zip(ends, lows, strict=True))

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            cursors = [cursor for held in self._cursors.values() for cursor in held]
            self._cursors.clear()
        for cursor in cursors:
            cursor.close()
        with self._appending:
            self._producer.close()

    @contextmanager
    def _cursor(self, place: Place, offset: int) -> Iterator[KafkaCursor]:
        """Lend the cursor that stands at `offset`, or another one; the few of a partition that were used last are kept.

        Two dataflows read the timeline, each at its own place: with one cursor they would push each other about.
        """
        with self._lock:
            held = self._cursors.setdefault(place, [])
            standing = next((cursor for cursor in held if cursor.offset == offset), None)
            if standing is None and len(held) >= _CURSORS_PER_PARTITION:
                standing = held[0]
            if standing is not None:
                held.remove(standing)
        topic, partition = place
        cursor = standing or KafkaCursor(self._brokers, self._options, name_of(topic, self._prefix), partition)
        try:
            yield cursor
        except Unavailable:  # what did not come in time may come yet
            self._keep(place, cursor)
            raise
        except BaseException:
            cursor.close()
            raise
        self._keep(place, cursor)

    def _keep(self, place: Place, cursor: KafkaCursor) -> None:
        with self._lock:
            self._cursors.setdefault(place, []).append(cursor)
