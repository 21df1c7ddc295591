"""A Bytewax source over the event log: one partition each, batches of records, from the checkpoint on.

State is not Bytewax's but ours: `resume_state` is ignored, and a partition begins where the checkpoint store says.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from premortem.exceptions import Unavailable
from premortem.ports import CheckpointStore, EventLog, Flow, LogRecord, Topic

_BATCH = 1_000
_POLL_SECONDS = 0.02
_IDLE_SECONDS = 0.15


@dataclass(frozen=True)
class Batch:
    """Records of one partition, in order and without a gap."""

    partition: int
    records: Sequence[LogRecord]


class Heads:
    """The heads of a topic, asked at most every few milliseconds however many partitions want to know."""

    def __init__(self, log: EventLog, topic: Topic) -> None:
        self._log, self._topic = log, topic
        self._lock = threading.Lock()
        self._read_at = -1.0
        self._heads: Sequence[int] = ()

    def of(self, partition: int) -> int:
        """Return the head of a partition, at most a poll's time old."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at > _POLL_SECONDS:
                self._heads = self._log.heads(self._topic)
                self._read_at = now
            return self._heads[partition]


class LogSource(FixedPartitionedSource[Batch, None]):
    """Reads `topic` for `flow`. Ends when `stopping` is set, or at the heads when `follow` is False."""

    def __init__(
        self,
        log: EventLog,
        checkpoints: CheckpointStore,
        flow: Flow,
        topic: Topic,
        *,
        stopping: threading.Event,
        follow: bool = True,
        batch_size: int = _BATCH,
    ) -> None:
        self._log, self._checkpoints, self._flow, self._topic = log, checkpoints, flow, topic
        self._stopping, self._follow, self._batch_size = stopping, follow, batch_size
        self._heads = Heads(log, topic)

    def list_parts(self) -> list[str]:
        """Return the partitions by name."""
        return [str(partition) for partition in range(self._log.partitions(self._topic))]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "LogPartition":  # noqa: ARG002
        """Return the reader of one partition, standing at its checkpoint."""
        partition = int(for_part)
        start = self._checkpoints.load(self._flow, partition).next_offset
        read: Callable[[int], Sequence[LogRecord]] = lambda offset: self._log.read(  # noqa: E731
            self._topic, partition, offset, self._batch_size
        )
        return LogPartition(partition, start, read, self._heads, self._stopping, self._follow)


class LogPartition(StatefulSourcePartition[tuple[str, Batch], None]):
    """One partition being read."""

    def __init__(
        self,
        partition: int,
        offset: int,
        read: Callable[[int], Sequence[LogRecord]],
        heads: Heads,
        stopping: threading.Event,
        follow: bool,
    ) -> None:
        self._partition, self._offset, self._read, self._heads = partition, offset, read, heads
        self._stopping, self._follow = stopping, follow
        self._pause = 0.0

    def next_batch(self) -> list[Any]:
        """Return the next records as one item, or nothing when there are none yet."""
        if self._stopping.is_set():
            raise StopIteration
        try:
            head = self._heads.of(self._partition)
            records = self._read(self._offset) if head > self._offset else ()
        except Unavailable:
            self._pause = _IDLE_SECONDS
            return []
        if not records:
            if not self._follow:
                raise StopIteration
            self._pause = min(_IDLE_SECONDS, self._pause * 2 or _POLL_SECONDS)
            return []
        self._pause = 0.0
        self._offset = records[-1].offset + 1
        return [(str(self._partition), Batch(self._partition, records))]

    def next_awake(self) -> datetime | None:
        """Return when to be asked again: at once while there is more, else after a pause that grows."""
        if not self._pause:
            return None
        return datetime.now(UTC) + timedelta(seconds=self._pause)  # noqa: TID251 -- when to poll, not what is stored

    def snapshot(self) -> None:
        """Return nothing: the checkpoint store holds the position."""
