"""A ramp and the gates: what a mute holds back is not learned meanwhile, and `why` shows the ramp's numbers."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.detection.explaining import explain
from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.timeline import IncidentDetected, IncidentGrew
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, error, mute, resolved, rule, run

START = NOW - NOW % DAY
KNOWN = 14


def _days(means: Sequence[float]) -> list[ErrorSeen]:
    """Return so many events a day, an equal time apart, as they come."""
    times = [START + int((day + n / count) * DAY) for day, count in enumerate(map(round, means)) for n in range(count)]
    return [error(n, at) for n, at in enumerate(times)]


GROWN = [12.0 * 1.3**n for n in range(1, 9)]
PLATEAU = [100.0] * 30


def _with(events: Sequence[ErrorSeen], *others: ProjectRecord) -> list[ProjectRecord]:
    return sorted([*events, *others], key=lambda record: record.received_at)


def _ramps(records: Sequence[ProjectRecord]) -> list[IncidentDetected]:
    facts = [fact for fact in run(records) if isinstance(fact, IncidentDetected)]
    return [fact for fact in facts if fact.decision.detector == "ramp"]


def test_a_ramp_opens_an_incident_in_its_first_week() -> None:
    (opened,) = _ramps(_days([12.0] * KNOWN + GROWN))
    assert opened.occurred_at < START + (KNOWN + 7) * DAY
    assert opened.decision.expected is not None
    assert opened.decision.window_minutes is not None
    assert abs(opened.decision.expected * DAY / 60_000 / opened.decision.window_minutes - 12) < 2


def test_a_ramp_that_goes_on_is_one_incident_that_grows_until_it_is_resolved() -> None:
    events = _days([12.0] * KNOWN + [12.0 * 1.3**n for n in range(1, 16)])
    facts = run(events)
    (opened,) = [fact for fact in facts if isinstance(fact, IncidentDetected) and fact.decision.detector == "ramp"]
    grown = [f for f in facts if isinstance(f, IncidentGrew) and f.decision and f.decision.detector == "ramp"]
    assert len(grown) >= 2
    assert {fact.incident_id for fact in grown} == {opened.incident_id}
    fixed = resolved(START + (KNOWN + 8) * DAY, release="shop@1.0.0")
    older = [replace(event, release="shop@0.9.0") for event in events]  # of clients that do not have what fixed it
    _, *later = _ramps(_with(older, fixed))
    assert later
    assert all(fact.occurred_at > fixed.resolved_at for fact in later)


def test_a_muted_ramp_is_not_learned_however_long_it_stands_and_is_told_when_the_mute_ends() -> None:
    until = START + (KNOWN + 35) * DAY
    events = _days([12.0] * KNOWN + GROWN + PLATEAU)
    (opened,) = _ramps(_with(events, mute(START + KNOWN * DAY, until)))
    assert until <= opened.occurred_at <= until + 7 * HOUR
    assert opened.decision.expected is not None
    assert opened.decision.window_minutes is not None
    assert abs(opened.decision.expected * DAY / 60_000 / opened.decision.window_minutes - 12) < 2


def test_a_rule_that_holds_a_ramp_back_does_not_let_it_teach_either() -> None:
    events = _days([12.0] * KNOWN + GROWN + PLATEAU)
    held, lifted = rule(START, "minimum_events", 1e6), rule(START + (KNOWN + 35) * DAY, "minimum_events", None)
    (opened,) = _ramps(_with(events, held, lifted))
    assert opened.occurred_at >= lifted.received_at


def test_the_tripwire_of_a_mute_lets_a_ramp_speak_once_it_has_grown_so_far() -> None:
    wire = mute(START + KNOWN * DAY, START + 60 * DAY, tripwire=10)
    (opened,) = _ramps(_with(_days([12.0] * KNOWN + [12.0 * 1.3**n for n in range(1, 14)]), wire))
    assert opened.decision.observed is not None
    assert opened.decision.window_minutes is not None
    assert opened.decision.observed * DAY / 60_000 / opened.decision.window_minutes >= 10 * 12 * 0.9


def test_while_nothing_is_muted_a_told_ramp_that_stands_still_becomes_the_new_level() -> None:
    again = [100 * 1.3**n for n in range(1, 9)]
    first, second = _ramps(_days([12.0] * KNOWN + GROWN + PLATEAU + again))
    a_day = [each.decision.expected * DAY / 60_000 / each.decision.window_minutes for each in (first, second)]  # type: ignore[operator]
    assert abs(a_day[1] - 100) < 10


def test_asked_why_the_ramp_answers_with_every_number_before_and_after_it_is_told() -> None:
    events = _days([12.0] * KNOWN + GROWN)
    detector = Detector()
    scores: list[float] = []
    for offset, event in enumerate(events):
        detector.observe(offset, event)
        if offset % 40 == 39:
            explained = explain(detector, event)
            assert explained is not None
            scores += [each.score or 0.0 for each in explained.decisions if each.detector == "ramp"]
    assert explained is not None
    (ramp,) = [each for each in explained.decisions if each.detector == "ramp"]
    assert [gate.name for gate in ramp.gates][:4] == [
        "score",
        "times the baseline",
        "days above the baseline",
        "events in these days",
    ]
    assert ramp.observed is not None
    assert ramp.expected is not None
    assert ramp.observed > 2 * ramp.expected
    assert scores[-1] > 10
    assert all(later >= sooner for sooner, later in pairwise(scores[-3:]))
