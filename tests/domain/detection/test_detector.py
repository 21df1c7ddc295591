"""What the detector says, and when it stays silent."""

import pytest

from premortem.domain.decision import explain
from premortem.domain.detection import Detector
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.project_stream import (
    DetectorConfigured,
    ErrorSeen,
    Muted,
    RuleChanged,
    tick,
)
from premortem.domain.timeline import IncidentDetected, IncidentGrew
from tests.builders import NOW, error_seen
from tests.domain.detection.stream import HOUR, MINUTE, A, B, C, errors, history, run


def test_an_unhandled_new_error_opens_an_incident_at_once_and_only_once() -> None:
    (fact,) = run([error_seen(1), error_seen(2), error_seen(3)])
    assert isinstance(fact, IncidentDetected)
    assert (fact.severity, fact.event_id, fact.decision.detector) == ("high", f"{1:032x}", "novelty")
    assert "unhandled" in explain(fact.decision)


def test_a_fatal_error_is_critical_even_when_it_was_handled() -> None:
    (fact,) = run([error_seen(1, level="fatal", handled=True)])
    assert isinstance(fact, IncidentDetected)
    assert fact.severity == "critical"


def test_a_handled_new_error_opens_when_it_insists() -> None:
    facts = run(errors(10))
    assert [fact.event_id for fact in facts if isinstance(fact, IncidentDetected)] == [f"{4:032x}"]
    (fact,) = run([error_seen(1, handled=True, user_hash="x"), error_seen(2, handled=True, user_hash="y")])
    assert isinstance(fact, IncidentDetected)
    assert fact.event_id == f"{2:032x}"


def test_a_handled_error_that_comes_now_and_then_opens_nothing() -> None:
    assert run(errors(40, every=2 * HOUR)) == []


def test_warnings_are_never_news() -> None:
    assert run(errors(4, level="warning", handled=False)) == []


def test_an_old_event_from_a_phone_that_comes_online_never_pages() -> None:
    records = [error_seen(1, hashes=(B,)), error_seen(2, occurred_at=NOW - 25 * HOUR)]
    assert [fact.fingerprint for fact in run(records) if isinstance(fact, IncidentDetected)] == [B]
    assert run([tick(NOW), error_seen(1, occurred_at=NOW - 25 * HOUR, received_at=NOW - 24 * HOUR)]) == []


def test_an_event_seen_before_changes_nothing() -> None:
    assert run([error_seen(7, handled=True, user_hash=str(n)) for n in range(9)]) == []


def test_events_that_share_a_hash_are_one_error_whichever_came_first() -> None:
    (fact,) = run([error_seen(1, hashes=(A, B)), error_seen(2, hashes=(C, B)), error_seen(3, hashes=(C,))])
    assert isinstance(fact, IncidentDetected)
    assert fact.fingerprint == A


def test_projects_keep_apart() -> None:
    facts = run([error_seen(1), error_seen(2, project_id=ProjectId(2))])
    assert len({fact.incident_id for fact in facts}) == 2


def test_a_burst_of_a_known_error_is_a_spike_with_its_numbers() -> None:
    facts = run([*history(), *errors(40, NOW, 5_000, first=1000)])
    opened = [fact for fact in facts if isinstance(fact, IncidentDetected)]
    assert len(opened) == 1
    decision = opened[0].decision
    assert decision.detector == "spike"
    assert decision.score is not None
    assert decision.threshold is not None
    assert decision.score >= decision.threshold == 5.0
    assert decision.observed is not None
    assert decision.observed < 40  # it fired in the open minute, long before the burst was over
    assert "were expected" in explain(decision)
    assert all(isinstance(fact, IncidentGrew) for fact in facts[1:])
    assert {fact.incident_id for fact in facts} == {opened[0].incident_id}
    assert len(facts) < 8


def test_an_error_that_comes_back_after_a_month_as_a_burst_is_a_spike_in_its_first_minute() -> None:
    start = NOW - NOW % MINUTE
    later = start + 40 * 24 * HOUR
    facts = run([*errors(3, start=start), *errors(100, start=later, every=100, first=3)])
    assert [type(fact) for fact in facts][:1] == [IncidentDetected]
    assert facts[0].occurred_at < later + MINUTE


def test_the_same_burst_every_day_stops_being_news() -> None:
    records: list[ErrorSeen] = []
    for day in range(9):
        records += errors(30, NOW + day * 24 * HOUR, 1_000, first=day * 1000)
    days = {(fact.occurred_at - NOW) // (24 * HOUR) for fact in run(records) if isinstance(fact, IncidentDetected)}
    assert 8 not in days
    assert 0 in days


def test_a_mute_holds_until_its_time_is_over() -> None:
    mute = Muted(tenant_id=TenantId("acme"), project_id=ProjectId(1), received_at=NOW, fingerprint=A, until=NOW + HOUR)
    later = NOW + 2 * HOUR
    records = [mute, error_seen(1), error_seen(2, occurred_at=NOW + MINUTE, received_at=NOW + MINUTE)]
    assert run(records) == []
    assert len(run([*records, error_seen(3, hashes=(B,), occurred_at=later, received_at=later)])) == 1


def test_a_persons_minimum_is_a_gate() -> None:
    rule = RuleChanged(
        tenant_id=TenantId("acme"), project_id=ProjectId(1), received_at=NOW, rule="minimum_events", value=3
    )
    (fact,) = run([rule, *(error_seen(n) for n in range(5))])
    assert fact.id == run([rule, *(error_seen(n) for n in range(5))])[0].id
    assert isinstance(fact, IncidentDetected)
    assert fact.event_id == f"{2:032x}"


@pytest.mark.parametrize("values", [{"score_opens": float("nan")}, {"nonsense": 1.0}, {"score_opens": -5.0}])
def test_a_configuration_that_makes_no_sense_is_passed_over(values: dict[str, float]) -> None:
    long_ago = NOW - 72 * HOUR
    configured = DetectorConfigured(
        tenant_id=TenantId("acme"), project_id=ProjectId(1), received_at=long_ago, values=values
    )
    burst = errors(40, NOW, 5_000, first=1000)
    assert [f.id for f in run([configured, *history(), *burst])] == [f.id for f in run([*history(), *burst])]


def test_a_record_at_or_below_the_highest_offset_changes_nothing() -> None:
    detector = Detector(lateness_ms=0)
    assert detector.observe(5, error_seen(1)) != ()
    before = detector.changed()
    assert detector.observe(5, error_seen(2, hashes=(B,))) == ()
    assert detector.observe(4, error_seen(3, hashes=(C,))) == ()
    assert detector.changed() == {"partition": before["partition"]}


def test_an_outage_that_is_over_opens_no_second_incident_because_a_wide_window_still_holds_it() -> None:
    outage = errors(300, NOW, 6_000, first=1_000)
    after = errors(12, NOW + 2 * HOUR, 20 * MINUTE, first=9_000)
    opened = [fact for fact in run([*history(), *outage, *after]) if isinstance(fact, IncidentDetected)]
    assert [fact.decision.detector for fact in opened] == ["spike"]


def test_a_second_outage_soon_after_the_first_is_an_incident_of_its_own() -> None:
    outage = errors(300, NOW, 6_000, first=1_000)
    again = errors(300, NOW + 3 * HOUR, 6_000, first=9_000)
    opened = [fact for fact in run([*history(), *outage, *again]) if isinstance(fact, IncidentDetected)]
    assert len(opened) == 2


def test_an_error_that_comes_a_third_time_after_weeks_costs_no_walk_through_them_and_is_known_to_be_rare() -> None:
    detector = Detector()
    for offset, record in enumerate(errors(3, NOW, 12 * 24 * HOUR)):
        detector.observe(offset, record)
    detector.finish()
    known = detector.project(1).fingerprints.look(A)
    assert known is not None
    assert known.scan is not None
    level = known.scan.level
    assert level.expected < 0.1 / 60  # an hour's prior is 0.2
