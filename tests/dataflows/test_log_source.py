"""Reading the log: from the checkpoint on, not too far ahead, and looking at its end only now and then."""

from threading import Event

import pytest

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.streams.batch import Batch, part_name
from premortem.adapters.streams.log_source import LogPart, LogSource, Pace
from premortem.adapters.streams.log_tail import LogTail
from premortem.exceptions import OffsetLost
from premortem.ports import Append


class Seconds:
    """A monotonic clock in the hands of the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class CountingLog(MemoryEventLog):
    """Counts how often its heads are asked for."""

    asked = 0

    def heads(self, topic):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().heads(topic)


class Reader:
    """One part of a source over a memory log."""

    def __init__(self, **pace: object) -> None:
        self.log, self.checkpoints, self.stop, self.clock = CountingLog(1), MemoryCheckpointStore(), Event(), Seconds()
        tail = LogTail(self.log, monotonic=self.clock)
        self.source = LogSource(
            "detect",
            "sentry.events",
            self.log,
            self.checkpoints,
            tail,
            self.stop,
            Pace(**pace),  # type: ignore[arg-type]
        )

    def part(self) -> LogPart:
        return LogPart(self.source, 0, self.checkpoints.load("detect", 0), self.clock)

    def append(self, count: int) -> None:
        self.log.append([Append("sentry.events", "1", b"x")] * count)


def _offsets(batches: list[Batch]) -> list[int]:
    return [record.offset for batch in batches for record in batch.records]


def test_reading_begins_at_the_checkpoint_and_hands_its_state_on() -> None:
    reader = Reader()
    reader.append(5)
    reader.checkpoints.save("detect", 0, 3, {"a": b"b"})
    (batch,) = reader.part().next_batch()
    assert _offsets([batch]) == [3, 4]
    assert batch.opened is not None
    assert batch.opened.state == {"a": b"b"}


def test_a_position_is_settled_at_rest_once_a_second_and_not_more_often() -> None:
    reader = Reader()
    part = reader.part()
    settled = []
    for _ in range(30):
        reader.append(1)
        reader.clock.now += 0.1
        settled.extend(batch.settle for batch in part.next_batch())
    assert settled.count(True) == 3
    reader.clock.now += 2
    (batch,) = part.next_batch()
    assert (batch.settle, len(batch.records)) == (True, 0)
    reader.clock.now += 2
    assert part.next_batch() == []


def test_a_position_is_settled_after_so_many_records() -> None:
    reader = Reader(limit=10, settle_records=30)
    reader.append(100)
    part = reader.part()
    assert [part.next_batch()[0].settle for _ in range(9)] == [False, False, True] * 3


def test_nothing_is_read_further_than_the_window_beyond_the_saved_position() -> None:
    reader = Reader(limit=10, window=20)
    reader.append(100)
    part = reader.part()
    assert _offsets(part.next_batch() + part.next_batch() + part.next_batch()) == list(range(20))
    assert part.next_awake() is not None
    reader.checkpoints.save("detect", 0, 10, {})
    assert _offsets(part.next_batch()) == list(range(20, 30))


def test_stopping_settles_what_was_read_and_then_ends() -> None:
    reader = Reader(limit=10)
    reader.append(100)
    part = reader.part()
    part.next_batch()
    reader.stop.set()
    (batch,) = part.next_batch()
    assert (batch.settle, batch.next_offset, batch.records) == (True, 10, ())
    with pytest.raises(StopIteration):
        part.next_batch()


def test_the_end_of_the_log_is_looked_at_once_for_all_who_ask_within_the_interval() -> None:
    log, clock = CountingLog(4), Seconds()
    tail = LogTail(log, shortest=0.025, longest=0.1, monotonic=clock)
    for _ in range(100):
        for partition in range(4):
            tail.head("sentry.events", partition)
        clock.now += 0.01
    assert log.asked < 1 / 0.1 + 12  # at rest every 100 ms, after a quicker beginning
    assert tail.interval("sentry.events") == 0.1
    log.append([Append("sentry.events", "1", b"x")])
    clock.now += 0.1
    assert sum(tail.head("sentry.events", partition) for partition in range(4)) == 1
    assert tail.interval("sentry.events") == 0.025


def test_parts_are_named_after_the_partitions() -> None:
    assert Reader().source.list_parts() == [part_name(0)]


def test_a_log_that_ends_before_what_was_read_is_another_log_and_is_not_waited_for() -> None:
    reader = Reader()
    reader.append(3)
    reader.checkpoints.save("detect", 0, 4, {})
    with pytest.raises(OffsetLost, match="ends at offset 3"):
        reader.source.build_part("read", part_name(0), None)
    reader.append(1)
    assert reader.source.build_part("read", part_name(0), None)
