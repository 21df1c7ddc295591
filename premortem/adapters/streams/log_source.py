"""The Bytewax source: one part per log partition, from the checkpoint on, in batches."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec import Struct

from premortem.adapters.streams.batch import Batch, part_name
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.stopping import Abandoned
from premortem.exceptions import OffsetLost
from premortem.ports import Checkpoint, CheckpointStore, EventLog, Flow, LogRecord, Topic

_FULL_SECONDS = 0.02


class Pace(Struct, frozen=True, kw_only=True):
    """How a source reads. None of it changes what a dataflow concludes, only when it says so."""

    limit: int = 1000
    """Records per batch."""
    pause_seconds: float = 0.0
    """Wait so long after a batch that emptied the log, so that the next one is worth an insert."""
    settle_records: int = 10_000
    """Save the position after so many records,"""
    settle_seconds: float = 1.0
    """and, when there is nothing more to read, this long after the last time."""
    window: int = 20_000
    """Never read further than this beyond the saved position: Bytewax's queues have no bound of their own."""
    follow: bool = True
    """False = end at the end of the log (replay, tests)."""


class LogSource(FixedPartitionedSource[Batch, None]):
    """Reads `topic` for `flow`. Positions come from the checkpoint store; Bytewax's recovery is not used."""

    def __init__(
        self,
        flow: Flow,
        topic: Topic,
        log: EventLog,
        checkpoints: CheckpointStore,
        tail: LogTail,
        stop: Event,
        pace: Pace = Pace(),  # noqa: B008 -- frozen
        patience: Patience | None = None,
        reads: Callable[[], None] = lambda: None,
    ) -> None:
        self.flow, self.topic, self.log, self.checkpoints = flow, topic, log, checkpoints
        self.tail, self.stop, self.pace = tail, stop, pace
        self.patience, self.reads = patience or Patience(stop), reads

    def list_parts(self) -> list[str]:
        """Return the names of the topic's partitions."""
        return [part_name(p) for p in range(self.patience(lambda: self.log.partitions(self.topic)))]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "LogPart":  # noqa: ARG002 -- Bytewax\'s
        """Return the reader of one partition, standing where its checkpoint says.

        Raises OffsetLost when the log ends before that: what was read is no longer there, so this is another log.
        """
        partition = int(for_part)
        checkpoint = self.patience(lambda: self.checkpoints.load(self.flow, partition))
        head = self.patience(lambda: self.log.heads(self.topic))[partition]
        if checkpoint.next_offset > head:
            raise OffsetLost(
                f"{self.topic}/{partition} ends at offset {head}, and {self.flow} has read up to "
                f"{checkpoint.next_offset}: this is another log than it read. Point the settings at that one, or "
                f"restore it."
            )
        return LogPart(self, partition, checkpoint)


class LogPart(StatefulSourcePartition[Batch, None]):
    """Reads one partition, and decides where positions are saved."""

    def __init__(
        self,
        source: LogSource,
        partition: int,
        checkpoint: Checkpoint,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._partition, self._monotonic = source, partition, monotonic
        self._opened: Checkpoint | None = checkpoint
        self._next = self._settled = self._saved = checkpoint.next_offset
        self._settled_at = monotonic() - source.pace.settle_seconds
        self._wait = 0.0
        self._ended = False

    def next_batch(self) -> list[Batch]:
        """Return at most one batch; raises StopIteration at the end, OffsetLost, and Unavailable in the end."""
        self._source.reads()
        if self._ended:
            raise StopIteration
        if self._source.stop.is_set():
            return self._end()
        try:
            return self._source.patience(self._advance)
        except Abandoned:
            return self._end()

    def next_awake(self) -> datetime | None:
        """Return when to look again: at once behind a batch, later at the end of the log."""
        if not self._wait:
            return None
        return datetime.now(UTC) + timedelta(seconds=self._wait)  # noqa: TID251 -- Bytewax waits by the wall clock

    def snapshot(self) -> None:
        """Return nothing: the position is in the checkpoint store."""

    def _advance(self) -> list[Batch]:
        source, pace = self._source, self._source.pace
        if not self._has_room():
            self._wait = _FULL_SECONDS
            return []
        head = source.tail.head(source.topic, self._partition)
        records: Sequence[LogRecord] = ()
        if self._next < head:
            records = source.log.read(source.topic, self._partition, self._next, pace.limit)
            self._next += len(records)
        at_end = self._next >= head
        self._wait = max(pace.pause_seconds, source.tail.interval(source.topic)) if at_end else 0.0
        if at_end and not pace.follow:
            return self._end(records)
        settle = self._is_due(at_end)
        return [self._batch(records, settle)] if records or settle else []

    def _is_due(self, at_end: bool) -> bool:
        pace, unsettled = self._source.pace, self._next - self._settled
        waited = self._monotonic() - self._settled_at >= pace.settle_seconds
        return unsettled >= pace.settle_records or (unsettled > 0 and at_end and waited)

    def _end(self, records: Sequence[LogRecord] = ()) -> list[Batch]:
        self._ended = True
        self._wait = 0.0
        return [self._batch(records, settle=True)] if self._next > self._settled else []

    def _batch(self, records: Sequence[LogRecord], settle: bool) -> Batch:
        opened, self._opened = self._opened, None
        if settle:
            self._settled, self._settled_at = self._next, self._monotonic()
        return Batch(partition=self._partition, records=records, next_offset=self._next, settle=settle, opened=opened)

    def _has_room(self) -> bool:
        if self._next - self._saved >= self._source.pace.window:
            place: Any = (self._source.flow, self._partition)
            self._saved = self._source.checkpoints.positions().get(place, 0)
        return self._next - self._saved < self._source.pace.window
