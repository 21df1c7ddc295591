"""Counts walked through the scan tell what the detector tells; other numbers are weighed by what people said."""

import random
from itertools import pairwise

import pytest

from premortem.domain.detection import detect_all
from premortem.domain.detection.config import DEFAULT
from premortem.domain.ids import Fingerprint
from premortem.domain.timeline import IncidentDetected, IncidentGrew
from premortem.exceptions import Malformed
from replay.labels import Error, Label
from replay.tuning import Minute, grid, openings, sweep, walk
from tests.builders import error_seen

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_793_577_600_000
A = Error("acme", 1, "a" * 32)
OUTBREAK = START + 4 * DAY


def history(days: int = 6, seed: int = 1) -> list[Minute]:
    """Return an error that comes about once in two hours, and breaks out for half an hour on its fifth day."""
    chance = random.Random(seed)
    counts = {at: 1 for at in range(START, START + days * DAY, MINUTE) if chance.random() < 1 / 120}
    for n in range(30):
        counts[OUTBREAK + n * MINUTE] = 1 + n // 2
    return sorted(counts.items())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_opens_and_grows_when_the_detector_does(seed: int) -> None:
    counts = history(seed=seed)
    times = [at + i for at, count in counts for i in range(count)]
    events = [
        error_seen(n, occurred_at=at, received_at=at, handled=True, hashes=(Fingerprint(A.fingerprint),))
        for n, at in enumerate(times)
    ]
    told = [fact for fact in detect_all(enumerate(events)) if isinstance(fact, IncidentDetected | IncidentGrew)]
    decided = {
        (fact.occurred_at - fact.occurred_at % MINUTE, fact.decision.window_minutes, fact.decision.score)
        for fact in told
    }

    steps = [step for step in walk(counts) if step.decision in ("opens", "grows")]

    assert decided
    assert {(step.at, step.window, step.score) for step in steps} == decided
    opened = [fact.occurred_at // MINUTE * MINUTE for fact in told if isinstance(fact, IncidentDetected)]
    assert [opening.at for opening in openings(A, counts)] == opened


def test_something_is_told_in_the_minutes_that_reach_the_band_and_in_no_other() -> None:
    steps = [step for step in walk(history()) if step.at >= START + DAY]

    assert [step.at for step in steps if step.count >= step.upper]
    for step in steps:
        assert (step.count >= step.upper) == (step.decision in ("opens", "grows"))


def test_a_window_of_its_own_reaches_its_band_no_sooner_than_the_strongest_does() -> None:
    strongest = {step.at for step in walk(history()) if step.decision in ("opens", "grows")}
    for window in (1, 60):
        assert {step.at for step in walk(history(), window=window) if step.count >= step.upper} <= strongest


def test_a_score_that_is_high_enough_without_enough_events_is_held() -> None:
    config = DEFAULT.with_values({"least_events": 100.0})
    held = [step for step in walk(history(), config) if step.decision == "held"]

    assert held
    assert all(step.score >= step.threshold and step.count for step in held)


def test_one_event_fewer_than_the_band_opens_nothing_and_as_many_do() -> None:
    calm = [each for each in history() if each[0] < OUTBREAK]
    at = calm[-1][0] + 7 * MINUTE
    upper = walk([*calm, (at, 1)])[-1].upper

    assert walk([*calm, (at, upper - 1)])[-1].decision == "silent"
    assert walk([*calm, (at, upper)])[-1].decision == "opens"


def test_a_windows_counts_are_what_it_holds_with_the_minute_that_ends_it() -> None:
    counts = dict(history())
    for step in walk(history(), window=5):
        assert step.count == sum(counts.get(step.at - n * MINUTE, 0) for n in range(5))


def test_quiet_minutes_are_shown_in_between_and_change_nothing() -> None:
    often, seldom = walk(history(), every=30), walk(history(), every=1 << 40)

    assert max(later.at - earlier.at for earlier, later in pairwise(often)) == 30 * MINUTE
    assert len(seldom) == len(history())
    assert [step for step in often if step.count] == seldom


def test_in_its_first_hour_an_error_is_news_and_no_spike() -> None:
    assert openings(A, [(START + n * MINUTE, 20) for n in range(10)]) == []


def test_an_error_that_was_forgotten_begins_anew() -> None:
    early = [(START + n * MINUTE, 1) for n in range(300)]
    late = START + 300 * MINUTE + 31 * DAY

    assert walk([*early, (late, 1)])[-1].expected == walk([(late, 1)])[-1].expected


def test_a_window_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Malformed, match="1, 5, 15, 60, 240"):
        walk(history(), window=7)


# ---------------------------------------------------------------------------------------------------- sweeping
def label(verdict: str, onset: int, name: str = "one", error: Error = A) -> Label:
    return Label(name, (error,), onset, onset + 5 * MINUTE, "confirmed" if verdict == "confirmed" else "rejected")


def test_a_grid_is_every_combination_and_knows_the_numbers_and_their_limits() -> None:
    assert grid({"score_opens": [4, 6], "omega": [0.1, 0.2]}) == [
        {"score_opens": 4, "omega": 0.1},
        {"score_opens": 4, "omega": 0.2},
        {"score_opens": 6, "omega": 0.1},
        {"score_opens": 6, "omega": 0.2},
    ]
    with pytest.raises(Malformed, match="no number score_open"):
        grid({"score_open": [4]})
    with pytest.raises(Malformed, match="score_opens = 1 is not between 2 and 300"):
        grid({"score_opens": [1]})


def test_a_higher_threshold_tells_less_and_later() -> None:
    low, high = sweep({A: history()}, grid({"score_opens": [3, 20]}), [label("confirmed", OUTBREAK)])

    assert low.incidents >= high.incidents > 0
    assert low.pages_per_week == pytest.approx(low.incidents * 7 / 6, rel=0.05)
    assert low.delay is not None
    assert high.delay is not None
    assert low.delay < high.delay


def test_delay_is_from_the_onset_to_the_minute_that_opens() -> None:
    opened = next(each.at for each in openings(A, history()) if each.at >= OUTBREAK)

    (tried,) = sweep({A: history()}, [{}], [label("confirmed", OUTBREAK - 3 * MINUTE)])

    assert tried.delay == (opened - OUTBREAK) / MINUTE + 3
    assert (tried.confirmed, tried.missed, tried.precision, tried.recall) == (1, 0, 1.0, 1.0)


def test_what_somebody_rejected_costs_precision_and_what_nobody_labelled_does_not() -> None:
    elsewhere = Error("acme", 1, "b" * 32)
    series = {A: history(), elsewhere: history(seed=2)}

    (tried,) = sweep(series, [{}], [label("confirmed", OUTBREAK), label("rejected", OUTBREAK, "two", elsewhere)])
    (alone,) = sweep(series, [{}], [label("confirmed", OUTBREAK)])

    assert (tried.confirmed, tried.rejected, tried.precision) == (1, 1, 0.5)
    assert (alone.rejected, alone.precision) == (0, 1.0)
    assert alone.unlabelled > tried.unlabelled


def test_a_confirmed_incident_that_is_not_found_is_missed() -> None:
    (tried,) = sweep({A: history()}, [{"score_opens": 300.0}], [label("confirmed", OUTBREAK)])

    assert (tried.confirmed, tried.missed, tried.recall, tried.precision, tried.delay) == (0, 1, 0.0, None, None)


def test_labels_of_other_errors_and_of_other_times_are_left_out() -> None:
    known = [label("confirmed", OUTBREAK, "two", Error("acme", 2, "a" * 32)), label("confirmed", START - 9 * DAY)]

    (tried,) = sweep({A: history()}, [{}], known, DEFAULT)

    assert (tried.confirmed, tried.missed, tried.recall) == (0, 0, None)
