"""Policy: what a fact sets in motion. The only place where it is decided who does what next."""

from typing import Literal, assert_never

from msgspec import Struct

from premortem.domain.calibration import shut
from premortem.domain.ids import FactId, derive
from premortem.domain.incident import FAILED, NOTICE_STAGE, Incident
from premortem.domain.project_stream import Muted, ProjectRecord, Resolved
from premortem.domain.tasks import (
    VERSIONS,
    BuildContext,
    EvaluateFix,
    FindDeploy,
    Notify,
    Occasion,
    OpenPullRequest,
    ProposeFix,
    ProposeInstrumentation,
    ProposeRootCause,
    Task,
    WatchPullRequest,
    task_id,
)
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
    TaskFailed,
)

_MINUTE_MS = 60_000
_FOR_EVER = 1 << 62
_TRIPWIRE = 10.0
"""A suppressed error that comes this many times as often as when it was suppressed breaks through."""


class Policy(Struct, frozen=True, kw_only=True):
    """The numbers of the policy. Times in milliseconds of the log's time."""

    fix_confidence: float = 0.6
    """At or above it a cause gets a fix; below it, the instrumentation that would tell more."""
    least_cases: int = 5
    """So many outcomes of earlier causes like it have to be known before a cause gets a fix. The worker that proposes
    one writes into it how many there were and how many it took, so that the log alone says where it went.
    """
    most_failed_fixes: int = 2
    """So many fixes that did not help hand the incident over to a person."""
    watch_after_ms: int = 10 * _MINUTE_MS
    """How long after a pull request was opened the code host is asked what became of it, where no webhook told."""
    deploy_search_after_ms: int = 1 * _MINUTE_MS
    evaluate_after_ms: int = 30 * _MINUTE_MS
    """How long after a deploy the first measurement is made."""
    instrumented_after_ms: int = 60 * _MINUTE_MS
    """How long a deployed instrumentation gathers before the context is built anew."""


DEFAULT = Policy()


class Reaction(Struct, frozen=True):
    """What follows from one fact: requests to workers, further facts, and records for the project stream."""

    tasks: tuple[Task, ...] = ()
    facts: tuple[IncidentFact, ...] = ()
    records: tuple[ProjectRecord, ...] = ()


NOTHING = Reaction()


def react(incident: Incident, fact: IncidentFact, policy: Policy = DEFAULT) -> Reaction:
    """Return what `fact` sets in motion, given the incident after it. Pure: the same fact gives the same ids."""
    if incident.status in ("resolved", "suppressed") and not isinstance(fact, IncidentResolved | HumanResponded):
        return NOTHING
    match fact:
        case IncidentDetected():
            return _ask(fact, BuildContext, tell="opened")
        case IncidentReopened():
            return _ask(fact, BuildContext, tell="reopened")
        case IncidentGrew():
            return _tell(fact, "grown")
        case ContextBuilt():
            return _ask(fact, ProposeRootCause)
        case RootCauseProposed():
            return _upon_cause(fact, policy)
        case FixProposed() | InstrumentationProposed():
            return _ask(fact, OpenPullRequest) if fact.ready else _tell(fact, "needs_you")
        case PullRequestOpened():
            return _ask(fact, WatchPullRequest, tell="pull_request", after_ms=policy.watch_after_ms)
        case FixApplied():
            return _ask(fact, FindDeploy, after_ms=policy.deploy_search_after_ms)
        case FixDeployed():
            return _upon_deploy(incident, fact, policy)
        case EvaluationCompleted():
            return _upon_verdict(incident, fact, policy)
        case IncidentResolved():
            return Reaction(tasks=(_notify(fact, "resolved"),), records=_resolved(incident, fact))
        case TaskFailed():
            return NOTHING if fact.stage == NOTICE_STAGE else _tell(fact, "needs_you")
        case HumanResponded():
            return _upon_answer(incident, fact)
        case IncidentMerged() | IncidentSuppressed() | AnswerReconsidered():
            return NOTHING
        case _:
            assert_never(fact)


def _upon_cause(fact: RootCauseProposed, policy: Policy) -> Reaction:
    if fact.verdict == "not_an_incident":
        return _tell(fact, "needs_you")
    to_do = ProposeInstrumentation if shut(fact, policy.fix_confidence) else ProposeFix
    return _ask(fact, to_do, tell="cause_found")


def _upon_deploy(incident: Incident, fact: FixDeployed, policy: Policy) -> Reaction:
    carried = [pr for pr in incident.pull_requests if pr.commit and pr.commit == fact.commit]
    if carried and all(pr.purpose == "instrumentation" for pr in carried):
        return _ask(fact, BuildContext, after_ms=policy.instrumented_after_ms)
    return _ask(fact, EvaluateFix, after_ms=policy.evaluate_after_ms)


def _upon_verdict(incident: Incident, fact: EvaluationCompleted, policy: Policy) -> Reaction:
    verdict = fact.verdict
    if verdict == "effective":
        return Reaction(facts=(_follow_resolved(fact, "verified", fact.release),))
    if verdict in FAILED:
        again = IncidentReopened(
            id=_follow(fact, "reopened"),
            incident_id=fact.incident_id,
            tenant_id=fact.tenant_id,
            project_id=fact.project_id,
            occurred_at=fact.occurred_at,
            reason=f"the fix was {verdict}: {fact.summary}",
        )
        if incident.failed_fixes < policy.most_failed_fixes:
            return Reaction(facts=(again,))
        return Reaction(facts=(_hand_over(fact, f"{incident.failed_fixes} fixes did not help"),))
    if fact.look_again_at is not None:
        return _ask(fact, EvaluateFix, after_ms=fact.look_again_at - fact.occurred_at)
    return _tell(fact, "needs_you")


def _upon_answer(incident: Incident, fact: HumanResponded) -> Reaction:
    match fact.action:
        case "note" | "acknowledge" | "assign" | "confirm_cause":
            return NOTHING
        case "correct_cause" | "reject_cause" | "reject_fix":
            return NOTHING if incident.status in ("resolved", "suppressed") else _ask(fact, BuildContext)
        case "resolve":
            return Reaction(facts=(_follow_resolved(fact, "by_person", None, fact.by),))
        case "suppress":
            suppressed = IncidentSuppressed(
                id=_follow(fact, "suppressed"),
                incident_id=fact.incident_id,
                tenant_id=fact.tenant_id,
                project_id=fact.project_id,
                occurred_at=fact.occurred_at,
                reason=fact.text,
                by=fact.by,
                until=fact.until,
                v=2,
            )
            return Reaction(facts=(suppressed,), records=_muted(incident, fact))
        case _:
            assert_never(fact.action)


def _ask(
    fact: IncidentFact,
    kind: type[BuildContext]
    | type[ProposeRootCause]
    | type[ProposeFix]
    | type[ProposeInstrumentation]
    | type[OpenPullRequest]
    | type[WatchPullRequest]
    | type[FindDeploy]
    | type[EvaluateFix],
    *,
    tell: Occasion | None = None,
    after_ms: int = 0,
) -> Reaction:
    asked = kind(
        id=task_id(kind, fact.id),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        caused_by=fact.id,
        at=fact.occurred_at,
        due_at=fact.occurred_at + after_ms if after_ms else 0,
        v=VERSIONS[kind],
    )
    return Reaction(tasks=(asked, _notify(fact, tell)) if tell else (asked,))


def _tell(fact: IncidentFact, occasion: Occasion) -> Reaction:
    return Reaction(tasks=(_notify(fact, occasion),))


def _notify(fact: IncidentFact, occasion: Occasion) -> Notify:
    return Notify(
        id=task_id(Notify, fact.id),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        caused_by=fact.id,
        at=fact.occurred_at,
        occasion=occasion,
    )


def _follow(fact: IncidentFact, what: str) -> FactId:
    return FactId(derive("follows", what, fact.id))


def _hand_over(fact: IncidentFact, reason: str) -> TaskFailed:
    return TaskFailed(
        id=_follow(fact, "handed over"),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        occurred_at=fact.occurred_at,
        task_id="",
        stage="policy",
        reason=reason,
        v=2,
    )


def _follow_resolved(
    fact: EvaluationCompleted | HumanResponded,
    reason: Literal["verified", "by_person"],
    release: str | None,
    by: str | None = None,
) -> IncidentResolved:
    return IncidentResolved(
        id=_follow(fact, "resolved"),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        occurred_at=fact.occurred_at,
        reason=reason,
        by=by,
        release=release,
        v=2,
    )


def _resolved(incident: Incident, fact: IncidentResolved) -> tuple[Resolved, ...]:
    """Return what tells the detector that the incident's errors are over where it was, so that it knows them again."""
    return tuple(
        Resolved(
            tenant_id=incident.tenant_id,
            project_id=incident.project_id,
            received_at=fact.occurred_at,
            fingerprint=fingerprint,
            resolved_at=fact.occurred_at,
            release=fact.release,
            environment=incident.environment,
        )
        for fingerprint in incident.fingerprints
    )


def _muted(incident: Incident, fact: HumanResponded) -> tuple[Muted, ...]:
    """Return what keeps the incident's errors from opening another one; a ramp breaks through all the same."""
    return tuple(
        Muted(
            tenant_id=incident.tenant_id,
            project_id=incident.project_id,
            received_at=fact.occurred_at,
            fingerprint=fingerprint,
            until=fact.until if fact.until is not None else _FOR_EVER,
            tripwire=_TRIPWIRE,
            v=2,
        )
        for fingerprint in incident.fingerprints
    )
