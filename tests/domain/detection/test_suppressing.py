"""A rule closes incidents as they open and says its name; what outgrows it, or outlives it, is opened again."""

from typing import Any

import pytest

from premortem.domain.decision import Decision
from premortem.domain.detection.detector import Detector
from premortem.domain.detection.suppressing import Suppressions, breaks, is_like
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.project_stream import ProjectRecord, SuppressionChanged
from premortem.domain.routing import NOTHING, react
from premortem.domain.timeline import (
    IncidentDetected,
    IncidentFact,
    IncidentGrew,
    IncidentReopened,
    IncidentSuppressed,
)
from tests.builders import NOW, detected, error_seen

WEEK = 7 * 86_400_000


def rule(name: str = "noise", **said: Any) -> SuppressionChanged:
    values: dict[str, Any] = {
        "tenant_id": "acme", "project_id": 1, "received_at": NOW - 1000, "name": name, "until": NOW + WEEK,
        "owner": "ann", "reason": "a known bot",
    }  # fmt: skip
    return SuppressionChanged(**(values | said))


def found(*records: ProjectRecord) -> list[IncidentFact]:
    detector = Detector(lateness_ms=0)
    return [fact for offset, record in enumerate(records) for fact in detector.observe(offset, record)]


def test_an_incident_that_a_rule_matches_opens_suppressed_and_names_rule_owner_reason_and_end() -> None:
    opened, suppressed = found(rule(title="KeyError: *"), error_seen(1))
    assert isinstance(opened, IncidentDetected)
    assert isinstance(suppressed, IncidentSuppressed)
    assert opened.suppressed_by == suppressed.rule == "noise"
    assert (suppressed.reason, suppressed.by, suppressed.until) == ("a known bot", "ann", NOW + WEEK)
    incident = fold([opened, suppressed])
    assert incident is not None
    assert (incident.status, incident.suppressed_until) == ("suppressed", NOW + WEEK)


def test_nobody_is_told_of_it_and_nothing_is_asked_for() -> None:
    opened, suppressed = found(rule(title="KeyError: *"), error_seen(1))
    incident = fold([opened])
    assert incident is not None
    assert react(incident, opened) == react(incident, suppressed) == NOTHING


@pytest.mark.parametrize(
    "said",
    [
        {"title": "keyerror: 'TOTAL'"}, {"title": "*total*"}, {"release": "shop@1.0.0"}, {"environment": "production"},
        {"fingerprint": "a" * 32}, {"title": "Key*", "release": "shop@1.0.0"},
    ],
)  # fmt: skip
def test_a_rule_matches_by_all_that_it_names(said: dict[str, Any]) -> None:
    assert len(found(rule(**said), error_seen(1))) == 2


def test_a_rule_matches_a_tag_of_the_event_that_opens_the_incident() -> None:
    by_tag = rule(tag="browser=curl", tag_hash="0a1b2c3d4e5f")
    tagged = error_seen(1, tag_hashes=("000000000000", "0a1b2c3d4e5f"))
    opened, suppressed = found(by_tag, tagged)
    assert isinstance(opened, IncidentDetected)
    assert isinstance(suppressed, IncidentSuppressed)
    assert opened.tag_hashes == tagged.tag_hashes
    (alone,) = found(by_tag, error_seen(1, tag_hashes=("000000000000",)))
    assert isinstance(alone, IncidentDetected)


@pytest.mark.parametrize(
    "said",
    [
        {"title": "ValueError*"}, {"release": "shop@2"}, {"environment": "staging"}, {"fingerprint": "b" * 32}, {},
        {"title": "Key*", "release": "shop@2"}, {"title": "*", "until": NOW - 1000}, {"title": "*", "until": NOW - 500},
    ],
)  # fmt: skip
def test_a_rule_that_names_something_else_or_nothing_or_has_ended_suppresses_nothing(said: dict[str, Any]) -> None:
    (fact,) = found(rule(**said), error_seen(1))
    assert isinstance(fact, IncidentDetected)
    assert fact.suppressed_by == ""


def test_a_rule_that_was_removed_suppresses_nothing_more() -> None:
    assert len(found(rule(title="*"), rule(until=0, received_at=NOW - 500), error_seen(1))) == 1


def decided(observed: int | None, expected: float | None) -> Decision:
    return Decision("spike", 1, fired=True, at=NOW, onset=NOW, observed=observed, expected=expected)


def grew(decision: Decision) -> IncidentGrew:
    whose = detected()
    return IncidentGrew(
        id=FactId("g"), incident_id=whose.incident_id, tenant_id=whose.tenant_id, project_id=whose.project_id,
        occurred_at=NOW, fingerprint=whose.fingerprint, severity="high", decision=decision, event_id="1" * 32,
    )  # fmt: skip


def suppressing() -> Suppressions:
    held = Suppressions()
    held.change(rule(title="*"), "")
    assert len(held.upon([detected()], NOW)) == 2
    return Suppressions.unpack(held.pack())


def test_what_outgrows_its_rule_is_opened_again() -> None:
    held = suppressing()
    assert held.upon([grew(decided(19, 2.0))], NOW) == [grew(decided(19, 2.0))]
    _, again = held.upon([grew(decided(20, 2.0))], NOW)
    assert isinstance(again, IncidentReopened)
    assert again.reason == "it outgrew the rule noise that suppressed it"
    incident = fold([detected(suppressed_by="noise"), again])
    assert incident is not None
    assert incident.status == "reopened"
    assert len(held.upon([grew(decided(90, 2.0))], NOW)) == 1


def test_what_goes_on_when_its_rule_has_ended_is_opened_again() -> None:
    _, again = suppressing().upon([grew(decided(3, 2.0))], NOW + WEEK)
    assert isinstance(again, IncidentReopened)
    assert "has ended" in again.reason


def test_an_error_that_breaks_the_tripwire_at_once_is_not_suppressed() -> None:
    held = Suppressions()
    held.change(rule(title="*"), "")
    loud = detected(decision=decided(500, 3.0))
    assert held.upon([loud], NOW) == [loud]
    assert breaks(decided(10, 0.1), 10.0)
    assert not breaks(decided(None, None), 10.0)


@pytest.mark.parametrize(
    ("text", "pattern", "like"),
    [
        ("KeyError: a", "keyerror: a", True), ("KeyError: a", "*", True), ("abc", "a*c", True), ("ac", "a*c", True),
        ("a", "a*a", False), ("abab", "*ab*ab*", True), ("ab", "*ab*ab*", False), ("", "", True), ("x", "", False),
        ("a.c", "a?c", False), ("x" * 5000, "*".join("x" * 20), True),
    ],
)  # fmt: skip
def test_a_star_stands_for_any_text_and_nothing_else_is_special(text: str, pattern: str, like: bool) -> None:
    assert is_like(text, pattern) is like


def test_the_rules_and_what_they_suppressed_survive_a_restart() -> None:
    detector = Detector(lateness_ms=0)
    detector.observe(0, rule(title="*"))
    parts = {name: value for name, value in detector.changed().items() if value is not None}
    assert len(Detector.restore(parts, lateness_ms=0).observe(1, error_seen(1))) == 2
