"""Properties of the fold: it may be stopped anywhere, and redelivery of what was folded before changes nothing."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.ids import FactId, Fingerprint
from premortem.domain.incident import Incident, decode, encode, fold
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew
from tests.builders import NOW, detected

_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "IncidentMerged", "into": "another"},
    {"kind": "ContextBuilt", "evidence_ids": ["e"]},
    {"kind": "RootCauseProposed", "verdict": "probable", "summary": "s", "confidence": 0.5, "agent": "a"},
    {"kind": "InstrumentationProposed", "summary": "s", "patch": "p"},
    {"kind": "FixProposed", "summary": "s", "patch": "p"},
    {"kind": "PullRequestOpened", "repository": "r", "number": 7, "url": "u", "branch": "b"},
    {"kind": "FixApplied", "repository": "r", "number": 7, "commit": "c"},
    {"kind": "FixDeployed", "release": "2", "environment": "production", "inferred": False},
    {"kind": "EvaluationCompleted", "verdict": "ineffective", "summary": "s"},
    {"kind": "IncidentResolved", "reason": "quiet"},
    {"kind": "IncidentReopened", "reason": "r"},
    {"kind": "IncidentSuppressed", "reason": "r"},
    {"kind": "TaskFailed", "task_id": "t", "stage": "s", "reason": "r"},
    {"kind": "HumanResponded", "by": "b", "text": "t"},
)


@st.composite
def facts(draw: st.DrawFn) -> IncidentFact:
    """Return any fact about one incident; now and then two that differ have the same id, and the first counts."""
    whose = detected("one")
    name = FactId(str(draw(st.integers(0, 200))))
    at = NOW + draw(st.integers(-10, 10))
    choice = draw(st.integers(-2, len(_KINDS) - 1))
    if choice == -2:
        return detected("one", id=name, occurred_at=at, severity=draw(st.sampled_from(["low", "critical"])))
    if choice == -1:
        return IncidentGrew(
            id=name,
            incident_id=whose.incident_id,
            tenant_id=whose.tenant_id,
            project_id=whose.project_id,
            occurred_at=at,
            fingerprint=Fingerprint(draw(st.sampled_from("abc")) * 32),
            severity=draw(st.sampled_from(["low", "medium", "high", "critical"])),
            decision=whose.decision,
            event_id="0" * 32,
        )
    common = {
        "id": name,
        "incident_id": whose.incident_id,
        "tenant_id": whose.tenant_id,
        "project_id": whose.project_id,
        "occurred_at": at,
    }
    fact: IncidentFact = msgspec.convert(common | _KINDS[choice], IncidentFact)
    return fact


timelines = st.lists(facts(), max_size=20).flatmap(
    lambda rest: st.booleans().map(lambda open_it: [detected("one"), *rest] if open_it else rest)
)


def digest(incident: Incident | None) -> bytes:
    return b"" if incident is None else encode(incident)


@given(timelines, st.integers(0, 21))
@settings(max_examples=200, deadline=None)
def test_stopping_anywhere_and_going_on_changes_nothing(timeline: list[IncidentFact], at: int) -> None:
    first = fold(timeline[:at])
    assert fold(timeline[at:], first) == fold(timeline)
    stored = first and decode(encode(first))
    assert digest(fold(timeline[at:], stored)) == digest(fold(timeline))


@given(timelines, st.data())
@settings(max_examples=200, deadline=None)
def test_redelivery_of_anything_folded_before_changes_nothing(timeline: list[IncidentFact], data: Any) -> None:
    opened_at = next((n for n, fact in enumerate(timeline) if isinstance(fact, IncidentDetected)), len(timeline))
    delivered: list[IncidentFact] = []
    for n, fact in enumerate(timeline):
        delivered.append(fact)
        before = timeline[opened_at : n + 1]  # what came before the detection was refused, so it may yet be taken
        if before:
            delivered.extend(data.draw(st.lists(st.sampled_from(before), max_size=3)))
    assert digest(fold(delivered)) == digest(fold(timeline))


@given(timelines)
@settings(max_examples=200, deadline=None)
def test_what_an_incident_knows_only_grows(timeline: list[IncidentFact]) -> None:
    before: Incident | None = None
    for fact in timeline:
        now = fold([fact], before)
        if before is not None:
            assert now is not None
            assert now.facts[: len(before.facts)] == before.facts
            assert now.fingerprints[: len(before.fingerprints)] == before.fingerprints
            assert now.updated_at >= before.updated_at
            assert (now.id, now.title, now.first_seen) == (before.id, before.title, before.first_seen)
        before = now
    assert (before is not None) == any(isinstance(fact, IncidentDetected) for fact in timeline)
    if before is not None:
        assert len(set(before.facts)) == len(before.facts)
        assert len(set(before.fingerprints)) == len(before.fingerprints)
