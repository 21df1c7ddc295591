"""Backtest: what other numbers would have told, beside what these did."""

from pathlib import Path

import pytest

from premortem.domain.ids import ProjectId
from premortem.exceptions import Malformed
from replay.backtest import Candidate, Opened, backtest, compare, read_candidate
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, SECOND, A, B, errors, history, rule
from tests.replay.test_why import log_of

ONE = ProjectId(1)


def burst() -> list[object]:
    return [*errors(60, NOW, 20 * SECOND, first=5_000)]


def opened(name: str, at: int, *fingerprints: str) -> Opened:
    return Opened(name, "KeyError", "spike", at, fingerprints or (A,))


def test_a_blunt_detector_removes_a_spike_and_a_keen_one_moves_it_earlier() -> None:
    log = log_of([*history(), *burst()])  # type: ignore[list-item]
    blunt = backtest(log, ONE, Candidate({"score_opens": 200.0}, {}), NOW - DAY)
    assert (blunt.current, blunt.candidate) == (1, 0)
    assert [each.fingerprints for each in blunt.removed] == [(A,)]
    keen = backtest(log, ONE, Candidate({"score_opens": 2.5}, {}), NOW - DAY)
    assert [moved.minutes < 0 for moved in keen.earlier] == [True]
    assert (keen.added, keen.removed, keen.later) == ((), (), ())


def test_the_same_numbers_change_nothing() -> None:
    found = backtest(log_of([*history(), *burst()]), ONE, Candidate({}, {}), NOW - DAY)  # type: ignore[list-item]
    assert (found.added, found.removed, found.earlier, found.later) == ((), (), (), ())
    assert found.current == found.candidate == 1
    assert found.pages_per_week(found.current) == pytest.approx(1 / found.weeks)


def test_only_what_opened_since_is_compared_and_everything_before_is_known() -> None:
    log = log_of([*history(), *burst()])  # type: ignore[list-item]
    found = backtest(log, ONE, Candidate({"score_opens": 200.0}, {}), NOW + HOUR)
    assert (found.current, found.removed) == (0, ())


def test_a_rule_of_the_candidate_stands_in_the_place_of_the_one_on_the_log() -> None:
    held = rule(NOW - 3 * DAY, "minimum_events", 1_000)
    log = log_of([held, *history(), *burst()])  # type: ignore[list-item]
    found = backtest(log, ONE, Candidate({}, {"minimum_events": 3.0}), NOW - DAY)
    assert (found.current, len(found.added)) == (0, 1)


def test_incidents_that_share_an_error_within_a_day_are_one_and_each_is_matched_once() -> None:
    found = compare(
        [opened("1", NOW), opened("2", NOW, B)],
        [opened("x", NOW + 5 * MINUTE, A, B), opened("y", NOW + 3 * DAY, B)],
        weeks=1.0,
    )
    assert [moved.minutes for moved in found.later] == [5.0]
    assert [each.incident_id for each in found.removed] == ["2"]
    assert [each.incident_id for each in found.added] == ["y"]


def test_a_file_of_numbers_is_read_and_what_is_wrong_in_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "new.toml"
    file.write_text("[detector]\nscore_opens = 6\n[rules]\nminimum_users = 3\n")
    assert read_candidate(file) == Candidate({"score_opens": 6.0}, {"minimum_users": 3.0})
    for text, said in (
        ("[detector]\nnonsense = 1", "has no nonsense"),
        ("[detector]\nscore_opens = 0.1", "is not between"),
        ("[detector]\nscore_opens = 'high'", "is a number"),
        ("[rules]\nloud = 1", "has no loud"),
        ("[other]", "no table"),
        ("score_opens", "TOML"),
    ):
        file.write_text(text)
        with pytest.raises(Malformed, match=said):
            read_candidate(file)
    with pytest.raises(Malformed, match="No such file"):
        read_candidate(tmp_path / "missing.toml")
