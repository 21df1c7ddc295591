"""A log that moves keeps every record at its offset, and says so when it cannot."""

from collections.abc import Sequence

import pytest

from premortem.adapters.event_log.copying import copy_log
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.exceptions import Conflict, Unavailable
from premortem.ports import TOPICS, Append, EventLog, Position, Topic

FAR_FUTURE = 4_102_444_800_000


def filled(partitions: int = 2, records: int = 5_000) -> MemoryEventLog:
    log = MemoryEventLog(partitions)
    for topic in TOPICS:
        log.append([Append(topic, str(n), f"{topic} {n}".encode()) for n in range(records)])
    return log


def everything(log: EventLog) -> list[tuple[str, int, int, str, bytes]]:
    return [
        (topic, record.partition, record.offset, record.key, record.value)
        for topic in TOPICS
        for partition, low in enumerate(log.low_watermarks(topic))
        for record in log.read(topic, partition, low, 1_000_000)
    ]


class CutOff(MemoryEventLog):
    """Goes away after so many appends."""

    appends_left = 3

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        self.appends_left -= 1
        if self.appends_left < 0:
            raise Unavailable("gone")
        return super().append(records)


def test_every_record_stands_at_the_same_partition_and_offset() -> None:
    source, target = filled(), MemoryEventLog(2)
    assert copy_log(source, target) == dict.fromkeys(TOPICS, 5_000)
    assert everything(target) == everything(source)


def test_a_log_that_was_trimmed_keeps_its_offsets_too() -> None:
    source, target = filled(records=50), MemoryEventLog(2)
    source.trim("sentry.payloads", FAR_FUTURE)
    source.append([Append("sentry.payloads", "k", b"kept", 1)])
    assert copy_log(source, target)["sentry.payloads"] == 1
    assert everything(target) == everything(source)
    assert target.low_watermarks("sentry.payloads") == source.low_watermarks("sentry.payloads")


def test_a_copy_that_was_cut_off_goes_on_where_it_ended() -> None:
    source, target = filled(), CutOff(2)
    source.trim("sentry.payloads", FAR_FUTURE)
    for _ in range(20):
        target.appends_left = 2
        try:
            copy_log(source, target)
            break
        except Unavailable:
            continue
    assert everything(target) == everything(source)
    assert target.low_watermarks("sentry.payloads") == source.low_watermarks("sentry.payloads")


def test_progress_tells_how_many_of_how_many() -> None:
    told: list[tuple[Topic, int, int]] = []
    copy_log(filled(records=10), MemoryEventLog(2), lambda *progress: told.append(progress))
    assert [(topic, total) for topic, count, total in told if count == total] == [(topic, 10) for topic in TOPICS]


def test_other_partitions_are_refused_before_anything_is_copied() -> None:
    target = MemoryEventLog(4)
    with pytest.raises(Conflict, match="has 2 partitions here and 4 there"):
        copy_log(filled(), target)
    assert everything(target) == []


def test_a_target_that_holds_something_else_is_told_apart() -> None:
    source, target = filled(records=10), MemoryEventLog(2)
    target.append([Append("sentry.events", "0", b"not ours", 0)])
    with pytest.raises(Conflict, match="differs"):
        copy_log(source, target)
    target.append([Append("sentry.events", "0", b"more", 0)] * 20)
    with pytest.raises(Conflict, match="beyond"):
        copy_log(source, target)


def test_somebody_who_writes_meanwhile_is_noticed() -> None:
    source, target = filled(records=10), MemoryEventLog(2)
    with pytest.raises(Conflict, match="meanwhile"):
        copy_log(source, target, lambda *_: source.append([Append("sentry.events", "k", b"late", 0)]) and None)
