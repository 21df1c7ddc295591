"""Why: the log folded to a moment says what was told of an error, and what held the rest back."""

from collections.abc import Iterable

import pytest

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import ProjectRecord, encode
from premortem.exceptions import Malformed
from premortem.ports import Append
from replay.reading import newest, steering
from replay.why import why
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, SECOND, A, B, error, errors, history, mute, resolved, rule

ONE = ProjectId(1)


def log_of(records: Iterable[ProjectRecord]) -> MemoryEventLog:
    log = MemoryEventLog(partitions=4)
    log.append([Append("sentry.events", str(record.project_id), encode(record)) for record in records])
    return log


def burst(count: int = 60) -> list[ProjectRecord]:
    return [*errors(count, NOW, 2 * SECOND, first=5_000)]


def test_a_fired_case_names_the_incident_and_the_numbers_that_were_compared() -> None:
    answer = why(log_of([*history(), *burst()]), ONE, A, "", None)
    assert [told.kind for told in answer.told][:1] == ["IncidentDetected"]
    assert answer.told[0].decision.fired
    assert answer.explanation.incident_id == answer.told[0].incident_id
    spike = next(decision for decision in answer.explanation.decisions if decision.detector == "spike")
    assert {"score", "events", "recurring peak", "hours old"} <= {gate.name for gate in spike.gates}


def test_a_silent_case_names_the_gate_that_held_it_back() -> None:
    muted = mute(NOW - SECOND, NOW + DAY)
    answer = why(log_of([*history(), muted, *burst()]), ONE, A, "", None)
    assert answer.told == ()
    assert answer.explanation.incident_id is None
    spike = next(decision for decision in answer.explanation.decisions if decision.detector == "spike")
    assert not spike.fired
    assert [gate.name for gate in spike.gates if not gate.passed] == ["muted until"]


def test_a_quiet_error_was_held_back_by_its_score() -> None:
    answer = why(log_of(history()), ONE, A, "", None)
    held = {gate.name for d in answer.explanation.decisions for gate in d.gates if not gate.passed}
    assert "score" in held


def test_the_moment_decides_what_was_known() -> None:
    log = log_of([*history(), *burst(), error(99_000, NOW + DAY)])
    before, after = why(log, ONE, A, "", NOW - HOUR), why(log, ONE, A, "", NOW + HOUR)
    assert (before.told, before.explanation.total) == ((), 24)
    assert after.told != ()
    assert after.explanation.total == 84
    assert after.explanation.at <= NOW + HOUR


def test_what_was_received_by_the_moment_counts_though_it_stands_behind_something_later() -> None:
    log = log_of([error(1, NOW), error(2, NOW + 400), error(3, NOW + 100), error(4, NOW + 900), error(5, NOW + 50)])
    assert why(log, ONE, A, "", NOW + 100).explanation.total == 2
    assert why(log, ONE, A, "", NOW + 400).explanation.total == 4


def test_an_error_is_found_by_a_part_of_its_title_or_of_its_hash() -> None:
    log = log_of([*history(), error(99, NOW, hashes=(B,), title="TimeoutError: the bank")])
    assert why(log, ONE, "", "BANK", None).explanation.fingerprint == B
    assert why(log, ONE, "bbbbbbbb", "", None).title == "TimeoutError: the bank"


def test_none_more_than_one_and_none_named_are_refused_with_the_mend() -> None:
    log = log_of([error(1, NOW), error(2, NOW, hashes=(B,))])
    with pytest.raises(Malformed, match="2 errors are meant"):
        why(log, ONE, "", "KeyError", None)
    with pytest.raises(Malformed, match="no such error"):
        why(log, ONE, "f" * 32, "", None)
    with pytest.raises(Malformed, match="--fingerprint"):
        why(log, ONE, "", "", None)


def test_other_projects_of_the_partition_only_tell_the_time() -> None:
    log = MemoryEventLog(partitions=1)
    mine, theirs = error(1, NOW), error(2, NOW + HOUR, project_id=ProjectId(2))
    log.append([Append("sentry.events", str(each.project_id), encode(each)) for each in (mine, theirs)])
    log.append([Append("sentry.events", "1", b"no record")])
    answer = why(log, ONE, A, "", None)
    assert (answer.explanation.total, answer.explanation.at) == (1, NOW + HOUR)


def test_what_a_person_set_is_read_from_the_log() -> None:
    records = [
        rule(NOW, "minimum_events", 3),
        rule(NOW, "minimum_users", 2),
        rule(NOW + 1, "minimum_users", None),
        mute(NOW, NOW + DAY),
        mute(NOW, NOW + SECOND, fingerprint=B),
        resolved(NOW + HOUR),
    ]
    found = steering(log_of(records), ONE)
    assert found["rules"] == {"minimum_events": 3}
    assert [each["fingerprint"] for each in found["mutes"]] == [A]
    assert newest(log_of(records), ONE) == NOW + HOUR
