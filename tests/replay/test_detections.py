"""Replay of detections: the raw events once more beside what `detect` told; a difference is accounted for or fails."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.read_only import ReadOnlyLog
from premortem.domain import project_stream, timeline
from premortem.domain.detection.config import VERSION
from premortem.domain.ids import FactId, ProjectId
from premortem.domain.project_stream import tick
from premortem.domain.timeline import (
    IncidentDetected,
    IncidentGrew,
    IncidentMerged,
    IncidentReopened,
    IncidentSuppressed,
    TimelineEvent,
)
from premortem.exceptions import Malformed
from premortem.ports import Append
from replay.detecting import recorded
from replay.detecting.detections import Report, detections
from replay.detecting.differing import Beside
from replay.detecting.observed import Observation
from tests.builders import NOW, detected, error_seen
from tests.domain.detection.stream import DAY, SECOND, errors, history
from tests.hash_seeds import written_under
from tests.replay.live import detect, edited, fill, log_of, stream

ONE = ProjectId(1)
MOVED = msgspec.structs.replace


@pytest.fixture(scope="module")
def live() -> tuple[MemoryEventLog, dict[int, int]]:
    """A log as `detect` left it, and how far it came. Nothing may be appended to it."""
    log = log_of(stream())
    return log, detect(log)


def told(log: MemoryEventLog) -> list[TimelineEvent]:
    heads = enumerate(log.heads("debugging.timeline"))
    records = [record for p, head in heads for record in log.read("debugging.timeline", p, 0, head)]
    return [timeline.decode(record.value) for record in records]


def reasons(report: Report) -> dict[tuple[str, str | None], int]:
    found: dict[tuple[str, str | None], int] = {}
    for each in report.differences:
        found[each.kind, each.reason] = found.get((each.kind, each.reason), 0) + 1
    return found


def aged(fact: Any, version: int) -> Any:
    """Return the fact as an older version of the detector would have told it, with another number."""
    if isinstance(fact, IncidentMerged | IncidentSuppressed):
        return MOVED(fact, detector_version=version)
    if getattr(fact, "decision", None) is None:
        return fact
    return MOVED(fact, decision=MOVED(fact.decision, detector_version=version, onset=fact.decision.onset - 1))


# ---------------------------------------------------------------------------------------------- it is the same
def test_what_detect_told_is_told_again_to_the_byte_every_kind_of_it(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    kinds = {type(fact) for fact in told(log)}
    assert kinds == {IncidentDetected, IncidentGrew, IncidentMerged, IncidentReopened, IncidentSuppressed}
    report = detections(ReadOnlyLog(log), reached)
    assert (report.unexplained, report.differences) == (0, [])
    assert report.recorded == report.replayed == report.matched == len({fact.id for fact in told(log)})  # type: ignore[union-attr]
    assert report.versions == {str(VERSION): report.recorded}


def test_one_projects_detections_are_compared_alone(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    counts = [detections(log, reached, ProjectId(number)) for number in (1, 2, 3, 4, 5)]
    assert [each.partitions for each in counts] == [1] * 5
    assert sum(each.matched for each in counts) == detections(log, reached).matched
    assert all(each.matched == each.recorded for each in counts)


def test_what_others_told_of_an_incident_is_none_of_detections(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    opened = next(fact for fact in told(log) if isinstance(fact, IncidentDetected))
    shared = {"incident_id": opened.incident_id, "tenant_id": opened.tenant_id, "project_id": opened.project_id}
    others = (
        IncidentReopened(id=FactId("a"), **shared, occurred_at=NOW, reason="the fix was ineffective"),
        IncidentSuppressed(id=FactId("b"), **shared, occurred_at=NOW, reason="not now", by="ann"),
    )
    more = edited(log, lambda fact, value: [value, *map(timeline.encode, others)] if fact == opened else [value])
    assert detections(more, reached).differences == detections(log, reached).differences == []


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
@hypothesis_settings(max_examples=15, deadline=None)
def test_any_split_of_reading_gives_the_same_facts(sizes: list[int]) -> None:
    log = log_of(stream(300), partitions=1)
    (head,) = log.heads("sentry.events")
    whole = Observation(0).take(log.read("sentry.events", 0, 0, head))
    parts, offset, turn, found = Observation(0), 0, 0, []
    while offset < head:
        size = sizes[turn % len(sizes)]
        found += parts.take(log.read("sentry.events", 0, offset, size))
        offset, turn = offset + size, turn + 1
    assert found == whole
    assert whole


def test_another_number_of_partitions_gives_the_same_facts_by_id_and_byte() -> None:
    found = []
    for partitions in (1, 3, 8):
        log = log_of(stream(600), partitions)
        reached = detect(log)
        assert detections(log, reached).matched == detections(log, reached).recorded
        found.append({timeline.encode(fact) for fact in told(log)})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 50


_PROGRAM = """
import sys
from replay.detecting.detections import detections
from premortem.domain import timeline
from replay.detecting.observed import Observation
from tests.replay.live import detect, log_of, stream
log = log_of(stream(500))
for partition, head in enumerate(log.heads("sentry.events")):
    for _, fact in Observation(partition).take(log.read("sentry.events", partition, 0, head)):
        sys.stdout.buffer.write(timeline.encode(fact) + b"\\n")
reached = detect(log)
sys.stdout.write(repr(detections(log, {partition: 40 for partition in reached})))
"""


def test_another_hash_seed_gives_the_same_bytes() -> None:
    (output,) = written_under(("0", "4242"), _PROGRAM)
    assert output.count(b"\n") > 30


def test_what_a_replay_tells_twice_is_one_fact() -> None:
    log = log_of([error_seen(1), tick(NOW + DAY)], partitions=1)
    detect(log)
    beside = Beside(recorded.timeline(log, log.heads("debugging.timeline"), None), {0: 2})
    (fact,) = told(log)
    beside.take(0, [(1, fact), (1, fact)])  # type: ignore[list-item]
    assert (beside.replayed, beside.matched, list(beside.differences(log))) == (2, 1, [])


# ------------------------------------------------------------------------------------------------ it was edited
def test_a_fact_that_was_taken_out_is_reported(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    gone = next(fact for fact in told(log) if isinstance(fact, IncidentGrew))
    report = detections(edited(log, lambda fact, value: [] if fact.id == gone.id else [value]), reached)  # type: ignore[union-attr]
    (difference,) = report.differences
    assert (difference.kind, difference.reason, difference.fact_id) == ("replayed only", None, gone.id)
    assert report.unexplained == 1


def test_a_number_that_was_changed_is_reported_with_both_values(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    one = next(fact for fact in told(log) if isinstance(fact, IncidentDetected))
    other = MOVED(one, decision=MOVED(one.decision, onset=one.decision.onset + 7))
    report = detections(edited(log, lambda fact, value: [timeline.encode(other) if fact == one else value]), reached)
    (difference,) = report.differences
    assert (difference.kind, difference.reason) == ("other content", None)
    assert [each._asdict() for each in difference.fields] == [
        {"name": "decision.onset", "recorded": str(one.decision.onset + 7), "replayed": str(one.decision.onset)}
    ]


def test_a_foreign_fact_is_reported(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    foreign = detected("foreign", decision=MOVED(detected().decision, detector_version=VERSION))
    first = told(log)[0]
    more = edited(log, lambda fact, value: [value, timeline.encode(foreign)] if fact == first else [value])
    (difference,) = detections(more, reached).differences
    assert (difference.kind, difference.reason, difference.fact_id) == ("recorded only", None, foreign.id)


def test_a_second_content_under_an_id_is_reported_and_the_same_content_twice_is_not(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    one = next(fact for fact in told(log) if isinstance(fact, IncidentDetected))
    twice = detections(edited(log, lambda fact, value: [value, value]), reached)
    assert (twice.differences, twice.repeated, twice.matched) == ([], twice.recorded, twice.recorded)
    other = timeline.encode(MOVED(one, severity="low", title="another"))
    report = detections(edited(log, lambda fact, value: [value, other] if fact == one else [value]), reached)
    (difference,) = report.differences
    assert (difference.kind, [field.name for field in difference.fields]) == ("other content", ["title", "severity"])


def test_bytes_that_are_no_fact_are_reported_unless_they_were_refused_as_such(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    first = told(log)[0]
    spoilt = edited(log, lambda fact, value: [value[:-9]] if fact == first else [value])
    assert reasons(detections(spoilt, reached)) == {("cannot be read", None): 1, ("replayed only", None): 1}
    strange = edited(log, lambda fact, value: [value, b"{}"] if fact == first else [value])
    assert reasons(detections(strange, reached)) == {("cannot be read", None): 1}
    (bad,) = [each.place for each in detections(strange, reached).differences]
    assert bad is not None
    letter = b'{"flow":"route","topic":"debugging.timeline","partition":%d,"offset":%d,"reason":"r"}' % bad
    strange.append([Append("dead-letters", "route", letter)])
    assert reasons(detections(strange, reached)) == {("cannot be read", "dead letter"): 1}


# -------------------------------------------------------------------------------------------- it is accounted for
def test_a_timeline_by_an_older_detector_is_explained_and_counted_by_version(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    old = edited(log, lambda fact, _: [timeline.encode(aged(fact, 2))] if fact.id[0] != "7" else [])  # type: ignore[union-attr]
    report = detections(old, reached)
    assert report.unexplained == 0
    assert set(reasons(report)) == {("other content", "detector version"), ("replayed only", "detector version")}
    assert report.versions == {"2": report.recorded}
    assert {each.recorded_by for each in report.explained} == {0, 2}


def test_what_differs_behind_an_upgrade_is_explained_by_the_state_that_the_older_version_left(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    times = sorted(fact.occurred_at for fact in told(log))  # type: ignore[union-attr]
    middle = times[len(times) // 2]

    def upgraded(fact: TimelineEvent, value: bytes) -> Sequence[bytes]:
        behind = fact.occurred_at > middle  # type: ignore[union-attr]
        if not behind:
            return [timeline.encode(aged(fact, 2))]
        return [timeline.encode(aged(fact, VERSION))] if fact.id < "5" else [value]  # type: ignore[union-attr]

    found = reasons(detections(edited(log, upgraded), reached))
    assert set(found) == {("other content", "detector version"), ("other content", "state of an older version")}


def test_no_state_accounts_for_what_is_the_events_own_nor_does_an_older_version_that_speaks_behind_this_one(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live
    facts = sorted(
        (fact for fact in told(log) if isinstance(fact, IncidentDetected)), key=lambda each: each.occurred_at
    )
    mine = [fact for fact in facts if fact.project_id == 1]
    first, last = mine[0], mine[-1]

    def upgraded(fact: TimelineEvent, value: bytes) -> Sequence[bytes]:
        if fact == last:
            return [timeline.encode(MOVED(last, title="another"))]
        return [timeline.encode(aged(fact, 2))] if fact == first else [value]

    found = reasons(detections(edited(log, upgraded), reached, ONE))
    assert found == {("other content", None): 1, ("other content", "detector version"): 1}

    def downgraded(fact: TimelineEvent, value: bytes) -> Sequence[bytes]:
        if fact == last:
            return [timeline.encode(aged(last, VERSION))]
        return [timeline.encode(aged(fact, 2))] if fact == mine[-2] else [value]

    found = reasons(detections(edited(log, downgraded), reached, ONE))
    assert found == {("other content", None): 1, ("other content", "detector version"): 1}


def test_a_merge_of_a_version_that_did_not_say_its_detector_is_the_same_merge(
    live: tuple[MemoryEventLog, dict[int, int]],
) -> None:
    log, reached = live

    def older(fact: TimelineEvent, value: bytes) -> Sequence[bytes]:
        merged = isinstance(fact, IncidentMerged)
        return [timeline.encode(MOVED(fact, v=1, detector_version=0))] if merged else [value]

    found = reasons(detections(edited(log, older), reached))
    assert set(found) == {("other content", "record version")}


def test_what_detect_has_not_reached_is_no_difference_and_what_it_has_is() -> None:
    log = log_of(stream())
    reached = detect(log, until=250)
    report = detections(log, reached)
    assert (report.differences, report.unexplained) == ([], 0)
    assert report.awaited > 0
    assert report.replayed == report.matched + report.awaited
    ahead = detections(log, {partition: offset + 100 for partition, offset in reached.items()})
    assert set(reasons(ahead)) == {("replayed only", None)}


def test_facts_that_stand_ahead_of_the_checkpoint_are_matched(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, _ = live
    report = detections(log, {})
    assert (report.awaited, report.matched) == (0, report.recorded)


def test_a_newer_versions_fact_is_explained_by_it(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    first = told(log)[0]

    def newer(fact: TimelineEvent, value: bytes) -> Sequence[bytes]:
        return [value.replace(b'"kind":"IncidentDetected"', b'"kind":"IncidentSeen"')] if fact == first else [value]

    found = reasons(detections(edited(log, newer), reached))
    assert found == {("cannot be read", "newer version"): 1, ("replayed only", "newer version"): 1}


# ------------------------------------------------------------------------------------------------- dead letters
BROKEN = b'{"kind":"ErrorSeen","tenant_id":"acme","project_id":1,"received_at":%d,"hashes":7}' % NOW


def test_what_neither_can_read_is_counted_and_harms_nothing() -> None:
    records = [*history(), *errors(60, NOW, 20 * SECOND, first=5_000)]
    log = log_of(records)
    log.append([Append("sentry.events", "1", value) for value in (b"no record", BROKEN)])
    fill(log, [tick(NOW + DAY)])
    reached = detect(log)
    report = detections(log, reached)
    assert (report.refused, report.unexplained, report.differences) == (2, 0, [])
    assert report.matched > 0


def test_a_record_that_only_detect_refused_explains_what_follows_in_its_project() -> None:
    kept = [error_seen(1, title="one"), error_seen(2, hashes=("b" * 32,), project_id=ProjectId(2))]
    log = log_of([*kept, tick(NOW + DAY)], partitions=1)
    (_, second) = log.read("sentry.events", 0, 0, 2)
    letter = b'{"flow":"detect","topic":"sentry.events","partition":0,"offset":1,"reason":"KeyError()"}'
    live = log_of([kept[0], tick(NOW + DAY)], partitions=1)
    detect(live)
    log.append(
        [Append("debugging.timeline", "", record.value, 0) for record in live.read("debugging.timeline", 0, 0, 9)]
    )
    assert reasons(detections(log, {0: 3})) == {("replayed only", None): 1}
    log.append([Append("dead-letters", "detect", letter)])
    (difference,) = detections(log, {0: 3}).differences
    assert (difference.project, difference.reason) == (project_stream.decode(second.value).project_id, "dead letter")
    assert difference.note == "detect refused partition 0, offset 1: KeyError()"


def test_a_record_that_only_the_replay_refuses_is_a_failure() -> None:
    log = log_of([error_seen(1)], partitions=1)
    log.append([Append("sentry.events", "1", BROKEN)])
    fill(log, [tick(NOW + DAY)])
    told_live = log_of([error_seen(1), tick(NOW + DAY)], partitions=1)
    detect(told_live)
    log.append([Append("debugging.timeline", "", r.value, 0) for r in told_live.read("debugging.timeline", 0, 0, 9)])
    assert reasons(detections(log, {0: 3})) == {("refused in replay", None): 1}


def test_a_record_of_a_newer_version_ends_the_replay_with_the_mend() -> None:
    log = log_of([error_seen(1), tick(NOW + DAY)], partitions=1)
    newer = project_stream.encode(MOVED(error_seen(2, received_at=NOW + DAY), v=99))
    log.append([Append("sentry.events", "1", newer)])
    with pytest.raises(Malformed, match="offset 2: ErrorSeen, version 99"):
        detections(log, {})


# ------------------------------------------------------------------------------------------------------ reading
def test_the_progress_ends_with_every_record_read(live: tuple[MemoryEventLog, dict[int, int]]) -> None:
    log, reached = live
    seen: list[tuple[int, int]] = []
    detections(log, reached, progress=lambda done, of: seen.append((done, of)))
    of = sum(log.heads("sentry.events")) + sum(log.heads("debugging.timeline"))
    assert seen[-1] == (of, of)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_record_in_disorder_or_twice_is_replayed_as_it_was_judged() -> None:
    records = stream(500)
    chance = random.Random(3)
    shuffled = sorted(records, key=lambda each: each.received_at + chance.choice([0, 300, 900, 5_000]))
    log = log_of([*shuffled, *chance.sample(records[:-1], 60), records[-1]])
    reached = detect(log)
    report = detections(log, reached)
    assert (report.differences, report.matched) == ([], report.recorded)
    assert report.recorded > 30
