"""Incident: what is known about one incident, a pure fold of its facts; the legal moves are one table."""

from collections.abc import Iterable
from functools import reduce
from typing import Literal, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.decision import Decision
from premortem.domain.ids import FactId, Fingerprint, IncidentId, ProjectId, TenantId
from premortem.domain.outcomes import Causes, learned
from premortem.domain.project_stream import Level
from premortem.domain.timeline import (
    AnswerReconsidered,
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
    Severity,
    TaskFailed,
)

Status = Literal[
    "detected",
    "investigating",
    "root_cause_proposed",
    "instrumentation_proposed",
    "fix_proposed",
    "in_review",
    "merged",
    "deployed",
    "resolved",
    "reopened",
    "suppressed",
    "needs_human",
]

_OPEN: tuple[Status, ...] = (
    "detected",
    "investigating",
    "root_cause_proposed",
    "instrumentation_proposed",
    "fix_proposed",
    "in_review",
    "merged",
    "deployed",
    "reopened",
    "needs_human",
)
_WORKING: tuple[Status, ...] = tuple(status for status in _OPEN if status != "needs_human")

TRANSITIONS: dict[type[IncidentFact], tuple[tuple[Status, ...], Status | None]] = {
    # fact: (statuses that it may move, the status it moves them to; None = it never moves the status)
    ContextBuilt: (("detected", "reopened", "deployed", "needs_human"), "investigating"),
    RootCauseProposed: (("detected", "investigating", "reopened", "needs_human"), "root_cause_proposed"),
    InstrumentationProposed: (("root_cause_proposed", "reopened", "needs_human"), "instrumentation_proposed"),
    FixProposed: (("root_cause_proposed", "instrumentation_proposed", "reopened", "needs_human"), "fix_proposed"),
    PullRequestOpened: (("instrumentation_proposed", "fix_proposed", "needs_human"), "in_review"),
    FixApplied: (("in_review", "fix_proposed", "instrumentation_proposed", "needs_human"), "merged"),
    FixDeployed: (("merged", "in_review", "needs_human"), "deployed"),
    IncidentResolved: (_OPEN, "resolved"),
    IncidentReopened: (("resolved", "deployed", "suppressed"), "reopened"),
    IncidentSuppressed: (_OPEN, "suppressed"),
    IncidentMerged: (_OPEN, "suppressed"),
    TaskFailed: (_WORKING, "needs_human"),
    IncidentDetected: ((), None),
    IncidentGrew: ((), None),
    EvaluationCompleted: ((), None),
    HumanResponded: (_OPEN, "investigating"),
    AnswerReconsidered: ((), None),
}
"""Every fact and the moves that it may make. A fact that arrives in another status is kept and moves nothing.

Work that was given up may be done after all, when its dead letter is sent back: then its answer goes on from there.
"""

_STILL = ("note", "acknowledge", "assign", "resolve", "suppress", "confirm_cause")
"""Answers of a person that move nothing by themselves: a fact of its own follows upon the last two."""
NOTICE_STAGE = "notification"
"""Where a task failed that told somebody something: the work on the incident goes on without it."""
FAILED = ("ineffective", "harmful")
"""Effects of a fix that did not help."""

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


class PullRequest(Struct, frozen=True):
    """A pull request that an incident opened."""

    repository: str
    number: int
    url: str
    branch: str
    state: Literal["draft", "merged", "closed"]
    purpose: Literal["fix", "instrumentation"] = "fix"
    commit: str = ""
    """The merge, once there is one."""


class Cause(Struct, frozen=True):
    """What the newest analysis says."""

    verdict: Literal["confirmed", "probable", "inconclusive", "not_an_incident"]
    summary: str
    confidence: float


class Incident(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """State of one incident; times in milliseconds since 1970 UTC, all of them event time."""

    id: IncidentId
    tenant_id: TenantId
    project_id: ProjectId
    status: Status
    severity: Severity
    level: Level
    title: str
    culprit: str
    platform: str
    first_seen: int
    opened_at: int
    updated_at: int
    fingerprints: tuple[Fingerprint, ...]
    decisions: tuple[Decision, ...]
    event_id: str
    release: str | None = None
    environment: str | None = None
    origin_url: str | None = None
    handled: bool | None = None
    merged_into: IncidentId | None = None
    pull_requests: tuple[PullRequest, ...] = ()
    cause: Cause | None = None
    causes: Causes = ()
    """Every cause that was proposed, in order, and what became of it."""
    fix_release: str | None = None
    """The release that carries the newest fix, once it was seen."""
    fix_deployed_at: int | None = None
    failed_fixes: int = 0
    acknowledged_by: str | None = None
    owner: str | None = None
    """Whose it is: as a person said, or else the first owner of the code that a pull request changes."""
    suppressed_until: int | None = None
    facts: tuple[FactId, ...] = ()
    """Ids of the facts folded so far, in order: a fact written twice is found here and changes nothing."""


def evolve(incident: Incident | None, fact: IncidentFact) -> Incident | None:
    """Return the incident after `fact`.

    None stays None until `IncidentDetected` opens it; a fact seen before changes nothing; a fact whose move is not in
    `TRANSITIONS` for the current status is recorded and moves nothing.
    """
    if incident is None:
        return _open(fact) if isinstance(fact, IncidentDetected) else None
    if fact.id in incident.facts:
        return incident
    incident = replace(
        incident,
        status=_moved(incident.status, fact),
        updated_at=max(incident.updated_at, fact.occurred_at),
        facts=(*incident.facts, fact.id),
        causes=learned(incident.causes, fact),
    )
    return _learn(incident, fact)


def _moved(status: Status, fact: IncidentFact) -> Status:
    from_statuses, to_status = TRANSITIONS[type(fact)]
    return to_status if to_status is not None and status in from_statuses and not _is_still(fact) else status


def _is_still(fact: IncidentFact) -> bool:
    """Tell whether a fact of a kind that moves an incident moves none."""
    if isinstance(fact, HumanResponded):
        return fact.action in _STILL
    return isinstance(fact, TaskFailed) and fact.stage == NOTICE_STAGE


def fold(facts: Iterable[IncidentFact], incident: Incident | None = None) -> Incident | None:
    """Return the incident after all `facts`, in their order on the log."""
    return reduce(evolve, facts, incident)


def _open(fact: IncidentDetected) -> Incident:
    return Incident(
        id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        status="suppressed" if fact.suppressed_by else "detected",
        severity=fact.severity,
        level=fact.level,
        title=fact.title,
        culprit=fact.culprit,
        platform=fact.platform,
        first_seen=fact.first_seen,
        opened_at=fact.occurred_at,
        updated_at=fact.occurred_at,
        fingerprints=(fact.fingerprint,),
        decisions=(fact.decision,),
        event_id=fact.event_id,
        release=fact.release,
        environment=fact.environment,
        origin_url=fact.origin_url,
        handled=fact.handled,
        facts=(fact.id,),
    )


def _learn(incident: Incident, fact: IncidentFact) -> Incident:
    """Return the incident with what `fact` says beyond its move."""
    match fact:
        case IncidentGrew():
            known = fact.fingerprint in incident.fingerprints
            return replace(
                incident,
                severity=max(incident.severity, fact.severity, key=_SEVERITIES.index),
                fingerprints=incident.fingerprints if known else (*incident.fingerprints, fact.fingerprint),
                decisions=(*incident.decisions, fact.decision),
            )
        case IncidentReopened():
            return replace(incident, decisions=(*incident.decisions, *((fact.decision,) if fact.decision else ())))
        case IncidentMerged():
            return replace(incident, merged_into=fact.into)
        case PullRequestOpened():
            opened = PullRequest(fact.repository, fact.number, fact.url, fact.branch, "draft", fact.purpose)
            owner = incident.owner or next(iter(fact.owners), None)
            return replace(incident, pull_requests=(*incident.pull_requests, opened), owner=owner)
        case FixApplied():
            return replace(incident, pull_requests=tuple(_merged(pr, fact) for pr in incident.pull_requests))
        case RootCauseProposed():
            return replace(incident, cause=Cause(fact.verdict, fact.summary, fact.confidence))
        case FixDeployed():
            return replace(incident, fix_release=fact.release, fix_deployed_at=fact.deployed_at or fact.occurred_at)
        case EvaluationCompleted():
            failed = fact.verdict in FAILED
            return replace(incident, failed_fixes=incident.failed_fixes + failed) if failed else incident
        case IncidentSuppressed():
            return replace(incident, suppressed_until=fact.until)
        case HumanResponded():
            return _answered(incident, fact)
        case (
            IncidentDetected()
            | ContextBuilt()
            | InstrumentationProposed()
            | FixProposed()
            | IncidentResolved()
            | TaskFailed()
            | AnswerReconsidered()
        ):
            return incident
        case _:
            assert_never(fact)


def _answered(incident: Incident, fact: HumanResponded) -> Incident:
    """Return the incident with what a person's answer says of it, or of the pull request that was closed."""
    if fact.action == "reject_fix":
        closed = tuple(
            replace(pr, state="closed") if pr.url == fact.url and pr.state == "draft" else pr
            for pr in incident.pull_requests
        )
        return replace(incident, pull_requests=closed)
    if fact.action == "acknowledge":
        return replace(incident, acknowledged_by=fact.by)
    if fact.action == "assign":
        return replace(incident, owner=fact.owner)
    return incident


def _merged(pull_request: PullRequest, fact: FixApplied) -> PullRequest:
    same = (pull_request.repository, pull_request.number) == (fact.repository, fact.number)
    return replace(pull_request, state="merged", commit=fact.commit) if same else pull_request


encode = msgspec.json.Encoder(order="deterministic").encode
"""Incident to canonical bytes: equal incidents give equal bytes, so a digest of them compares states."""

decode = msgspec.json.Decoder(Incident).decode
