"""The life of an incident in sentences: every move of its table, and what a fact adds where it may not move it."""

from typing import Any, get_args

import pytest

from premortem.domain.decision import Decision
from premortem.domain.ids import FactId, Fingerprint, IncidentId
from premortem.domain.incident import TRANSITIONS, Incident, PullRequest, Status, decode, encode, evolve, fold
from premortem.domain.timeline import (
    AnswerReconsidered,
    Changed,
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentDetected,
    IncidentFact,
    IncidentGrew,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
    TaskFailed,
)
from tests.builders import NOW, detected, incident

STATUSES: tuple[Status, ...] = get_args(Status)
DECISION = Decision("spike", 1, fired=True, at=NOW, onset=NOW)
SAID: dict[type[IncidentFact], dict[str, Any]] = {
    IncidentGrew: {"fingerprint": "b" * 32, "severity": "critical", "decision": DECISION, "event_id": "1" * 32},
    IncidentMerged: {"into": IncidentId("another")},
    ContextBuilt: {"evidence_ids": ("e1",)},
    RootCauseProposed: {"verdict": "probable", "summary": "s", "confidence": 0.5, "agent": "a"},
    InstrumentationProposed: {"summary": "s", "patch": "p"},
    FixProposed: {"summary": "s", "patch": "p"},
    PullRequestOpened: {"repository": "acme/shop", "number": 7, "url": "https://x/7", "branch": "fix"},
    FixApplied: {"repository": "acme/shop", "number": 7, "commit": "c0ffee"},
    FixDeployed: {"release": "shop@2", "environment": "production", "inferred": False},
    EvaluationCompleted: {"verdict": "effective", "summary": "s"},
    IncidentResolved: {"reason": "verified"},
    IncidentReopened: {"reason": "came back"},
    IncidentSuppressed: {"reason": "noise"},
    TaskFailed: {"task_id": "t", "stage": "fix", "reason": "r"},
    HumanResponded: {"by": "ann", "text": "it is the cache", "action": "correct_cause"},
    AnswerReconsidered: {"stage": "rca", "reconsiders": "f", "answer": None, "changed": Changed()},
}

WORKING = " ".join(s for s in STATUSES if s not in ("resolved", "suppressed", "needs_human"))
MOVES: dict[type[IncidentFact], tuple[str, str | None]] = {
    # what the product promises, written a second time: (statuses that the fact moves, the status it moves them to)
    ContextBuilt: ("detected reopened deployed needs_human", "investigating"),
    RootCauseProposed: ("detected investigating reopened needs_human", "root_cause_proposed"),
    InstrumentationProposed: ("root_cause_proposed reopened needs_human", "instrumentation_proposed"),
    FixProposed: ("root_cause_proposed instrumentation_proposed reopened needs_human", "fix_proposed"),
    PullRequestOpened: ("instrumentation_proposed fix_proposed needs_human", "in_review"),
    FixApplied: ("in_review fix_proposed instrumentation_proposed needs_human", "merged"),
    FixDeployed: ("merged in_review needs_human", "deployed"),
    IncidentResolved: (f"{WORKING} needs_human", "resolved"),
    IncidentReopened: ("resolved deployed suppressed", "reopened"),
    IncidentSuppressed: (f"{WORKING} needs_human", "suppressed"),
    IncidentMerged: (f"{WORKING} needs_human", "suppressed"),
    TaskFailed: (WORKING, "needs_human"),
    HumanResponded: (f"{WORKING} needs_human", "investigating"),
    AnswerReconsidered: ("", None),
    IncidentDetected: ("", None),
    IncidentGrew: ("", None),
    EvaluationCompleted: ("", None),
}


def fact(kind: type[IncidentFact], name: str = "f", **said: Any) -> IncidentFact:
    """Return a fact of `kind` about the incident `one`."""
    if kind is IncidentDetected:
        return detected("one", id=FactId(name), **said)
    whose = detected("one")
    common: dict[str, Any] = {
        "id": FactId(name),
        "incident_id": whose.incident_id,
        "tenant_id": whose.tenant_id,
        "project_id": whose.project_id,
        "occurred_at": NOW + 1000,
    }
    return kind(**(common | SAID[kind] | said))


PATHS: dict[Status, tuple[type[IncidentFact], ...]] = {
    # how an incident comes to each status by facts alone
    "detected": (),
    "investigating": (ContextBuilt,),
    "root_cause_proposed": (ContextBuilt, RootCauseProposed),
    "instrumentation_proposed": (ContextBuilt, RootCauseProposed, InstrumentationProposed),
    "fix_proposed": (ContextBuilt, RootCauseProposed, FixProposed),
    "in_review": (ContextBuilt, RootCauseProposed, FixProposed, PullRequestOpened),
    "merged": (ContextBuilt, RootCauseProposed, FixProposed, PullRequestOpened, FixApplied),
    "deployed": (ContextBuilt, RootCauseProposed, FixProposed, PullRequestOpened, FixApplied, FixDeployed),
    "resolved": (IncidentResolved,),
    "reopened": (IncidentResolved, IncidentReopened),
    "suppressed": (IncidentSuppressed,),
    "needs_human": (TaskFailed,),
}


def at(status: Status) -> Incident:
    """Return an incident that facts brought to `status`."""
    reached = fold((fact(kind, f"path {n}") for n, kind in enumerate(PATHS[status])), incident())
    assert reached is not None
    return reached


def after(before: Incident, *facts: IncidentFact) -> Incident:
    found = fold(facts, before)
    assert found is not None
    return found


def test_every_fact_and_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(MOVES) == set(get_args(IncidentFact))
    assert set(PATHS) == set(STATUSES)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_reached_by_facts(status: Status) -> None:
    assert at(status).status == status


@pytest.mark.parametrize("kind", MOVES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("status", STATUSES)
def test_a_fact_moves_an_incident_from_these_statuses_and_from_no_other(
    kind: type[IncidentFact], status: Status
) -> None:
    before = at(status)
    moved = after(before, fact(kind))
    froms, to = MOVES[kind]
    assert moved.status == (to if status in froms.split() else status)
    assert moved.facts == (*before.facts, "f")


@pytest.mark.parametrize("status", STATUSES)
def test_a_notice_that_reached_nobody_stops_no_work(status: Status) -> None:
    assert after(at(status), fact(TaskFailed, stage="notification")).status == status


def test_an_incident_opens_with_what_its_detection_said() -> None:
    said = detected("one", severity="medium", release="shop@1", origin_url="https://x", handled=False, first_seen=5)
    opened = evolve(None, said)
    assert opened is not None
    assert (opened.id, opened.status, opened.severity) == (said.incident_id, "detected", "medium")
    assert (opened.title, opened.culprit, opened.first_seen) == (said.title, said.culprit, 5)
    assert opened.opened_at == opened.updated_at == said.occurred_at
    assert (opened.fingerprints, opened.decisions) == ((said.fingerprint,), (said.decision,))
    assert (opened.release, opened.environment, opened.origin_url) == ("shop@1", "production", "https://x")
    assert (opened.handled, opened.facts) == (False, (said.id,))


@pytest.mark.parametrize("kind", SAID, ids=lambda kind: kind.__name__)
def test_before_its_detection_there_is_no_incident(kind: type[IncidentFact]) -> None:
    assert evolve(None, fact(kind)) is None
    opened = fold([fact(kind), detected("one")])
    assert opened == incident()


@pytest.mark.parametrize("kind", MOVES, ids=lambda kind: kind.__name__)
def test_a_fact_that_comes_again_changes_nothing(kind: type[IncidentFact]) -> None:
    for status in STATUSES:
        once = after(at(status), fact(kind))
        assert after(once, fact(kind)) == once
        later = after(once, fact(IncidentReopened, "later"), fact(TaskFailed, "last"))
        assert after(later, fact(kind)) == later


def test_a_second_detection_is_kept_and_opens_nothing_anew() -> None:
    before = at("merged")
    again = after(before, fact(IncidentDetected, "again", title="other", severity="low", fingerprint="c" * 32))
    assert (again.title, again.severity, again.fingerprints) == (before.title, before.severity, before.fingerprints)
    assert again.status == "merged"


def test_growing_adds_a_fingerprint_once_and_every_decision() -> None:
    grown = after(incident(), fact(IncidentGrew, "g1"), fact(IncidentGrew, "g2"))
    assert grown.fingerprints == ("a" * 32, "b" * 32)
    assert grown.decisions[1:] == (DECISION, DECISION)
    known = after(incident(), fact(IncidentGrew, fingerprint=Fingerprint("a" * 32)))
    assert known.fingerprints == ("a" * 32,)


@pytest.mark.parametrize(
    ("was", "joins", "becomes"),
    [
        ("low", "medium", "medium"),
        ("medium", "high", "high"),
        ("high", "critical", "critical"),
        ("critical", "low", "critical"),
        ("high", "medium", "high"),
    ],
)
def test_severity_grows_and_never_shrinks(was: str, joins: str, becomes: str) -> None:
    assert after(incident(severity=was), fact(IncidentGrew, severity=joins)).severity == becomes


def test_a_merged_incident_says_into_which() -> None:
    merged = after(at("investigating"), fact(IncidentMerged))
    assert (merged.status, merged.merged_into) == ("suppressed", "another")


def test_a_pull_request_is_a_draft_until_that_very_one_is_merged() -> None:
    opened = at("in_review")
    assert opened.pull_requests == (PullRequest("acme/shop", 7, "https://x/7", "fix", "draft"),)
    for other in ({"number": 8}, {"repository": "acme/web"}):
        assert after(opened, fact(FixApplied, **other)).pull_requests == opened.pull_requests
    two = after(opened, fact(PullRequestOpened, "second", number=8), fact(FixApplied, number=8))
    assert [(pr.number, pr.state) for pr in two.pull_requests] == [(7, "draft"), (8, "merged")]


def test_an_incident_belongs_to_whom_a_person_names_or_else_to_the_owner_of_the_changed_code() -> None:
    opened = after(at("fix_proposed"), fact(PullRequestOpened, owners=("payments", "ann")))
    assert opened.owner == "payments"
    said = fact(HumanResponded, id="g", by="ben", text="", action="assign", owner="cho")
    assert (after(opened, said).owner, after(opened, said).status) == ("cho", opened.status)
    assert after(after(at("fix_proposed"), said), fact(PullRequestOpened, owners=("payments",))).owner == "cho"


def test_an_incident_was_updated_when_its_latest_fact_happened_not_its_last() -> None:
    later = after(incident(), fact(ContextBuilt, "x", occurred_at=NOW + 9), fact(TaskFailed, "y", occurred_at=NOW + 3))
    assert later.updated_at == NOW + 9


def test_a_fix_that_failed_can_be_followed_to_the_end() -> None:
    story: list[type[IncidentFact]] = [
        ContextBuilt,
        RootCauseProposed,
        FixProposed,
        PullRequestOpened,
        FixApplied,
        FixDeployed,
    ]
    story += [EvaluationCompleted, IncidentReopened, FixProposed, PullRequestOpened, FixApplied, FixDeployed]
    story += [EvaluationCompleted, IncidentResolved]
    seen = []
    now = incident()
    for n, kind in enumerate(story):
        now = after(now, fact(kind, f"{n}"))
        seen.append(now.status)
    assert seen == [
        *("investigating", "root_cause_proposed", "fix_proposed", "in_review", "merged", "deployed", "deployed"),
        *("reopened", "fix_proposed", "in_review", "merged", "deployed", "deployed", "resolved"),
    ]


@pytest.mark.parametrize("status", STATUSES)
def test_an_incident_is_read_back_as_it_was_written(status: Status) -> None:
    written = encode(at(status))
    assert decode(written) == at(status)
    assert encode(decode(written)) == written
