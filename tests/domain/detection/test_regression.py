"""Regressions: a resolved error that comes back in a newer release re-opens its incident, once; older ones do not."""

from premortem.domain.decision import explain
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentReopened
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, A, B, deployed, error, errors, resolved, run

FIXED, LATER = NOW + HOUR, NOW + 2 * HOUR


def opened_in_the_old_release() -> list[object]:
    """An unhandled error of shop@1 in production, resolved in shop@2, which is deployed an hour later."""
    return [
        error(0, NOW, handled=False, release="shop@1"),
        resolved(FIXED, release="shop@2"),
        deployed(FIXED + MINUTE, "shop@2"),
    ]


def reopened(facts: list[IncidentFact]) -> list[IncidentReopened]:
    return [fact for fact in facts if isinstance(fact, IncidentReopened)]


def test_an_event_of_the_release_that_held_the_fix_reopens_the_incident() -> None:
    facts = run([*opened_in_the_old_release(), error(1, LATER, release="shop@2")])  # type: ignore[list-item]
    (first, back) = facts
    assert isinstance(first, IncidentDetected)
    assert isinstance(back, IncidentReopened)
    assert back.incident_id == first.incident_id
    assert back.decision is not None
    assert back.decision.detector == "regression"
    assert "back" in explain(back.decision)
    assert "shop@2" in back.reason


def test_a_release_first_seen_after_the_fix_is_newer_whatever_its_name() -> None:
    facts = run([*opened_in_the_old_release(), error(1, LATER, release="a-name-that-sorts-first")])  # type: ignore[list-item]
    assert len(reopened(facts)) == 1


def test_old_clients_leave_residue_and_never_reopen() -> None:
    old = [error(n, LATER + n * DAY // 4, release="shop@1") for n in range(1, 40)]
    assert reopened(run([*opened_in_the_old_release(), *old])) == []  # type: ignore[list-item]


def test_an_event_from_before_the_resolution_that_arrives_late_never_reopens() -> None:
    late = error(1, FIXED - MINUTE, release="shop@2", received_at=LATER)
    assert reopened(run([*opened_in_the_old_release(), late])) == []  # type: ignore[list-item]


def test_a_resolution_reopens_once_and_the_next_one_once_more() -> None:
    back = [error(n, LATER + n * MINUTE, release="shop@2") for n in range(1, 5)]
    again = [
        resolved(LATER + HOUR, release="shop@3"),
        deployed(LATER + HOUR, "shop@3"),
        error(9, LATER + 2 * HOUR, release="shop@2"),
        error(10, LATER + 2 * HOUR, release="shop@3"),
        error(11, LATER + 2 * HOUR, release="shop@3"),
    ]
    assert len(reopened(run([*opened_in_the_old_release(), *back]))) == 1  # type: ignore[list-item]
    assert len(reopened(run([*opened_in_the_old_release(), *back, *again]))) == 2  # type: ignore[list-item]


def test_an_error_resolved_in_production_may_go_on_in_staging() -> None:
    records = [
        error(0, NOW, handled=False, release="shop@1"),
        resolved(FIXED, release="shop@2", environment="production"),
        deployed(FIXED, "shop@2"),
        error(1, LATER, release="shop@2", environment="staging"),
    ]
    assert reopened(run(records)) == []
    assert len(reopened(run([*records, error(2, LATER, release="shop@2")]))) == 1


def test_without_a_release_an_error_must_have_been_quiet_before_it_is_back() -> None:
    begun = [*errors(20, NOW, MINUTE, handled=False, release=None), resolved(FIXED)]
    under_way = [error(50 + n, FIXED + (n + 1) * 10 * MINUTE, release=None) for n in range(5)]
    assert reopened(run([*begun, *under_way])) == []
    quiet_before = error(99, FIXED + 3 * HOUR, release=None)
    assert len(reopened(run([*begun, *under_way, quiet_before]))) == 1


def test_a_resolved_error_that_never_was_an_incident_opens_one_when_it_is_back() -> None:
    records = [error(0, NOW, release="shop@1"), resolved(FIXED, release="shop@2"), error(1, LATER, release="shop@2")]
    (fact,) = run(records)
    assert isinstance(fact, IncidentDetected)
    assert fact.decision.detector == "regression"


def test_a_resolution_of_another_error_says_nothing_of_this_one() -> None:
    records = [
        error(0, NOW, handled=False, release="shop@1"),
        resolved(FIXED, fingerprint=B, release="shop@2"),
        error(1, LATER, release="shop@2"),
    ]
    assert reopened(run(records)) == []
    assert A != B
