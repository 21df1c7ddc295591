"""Policy: what a fact sets in motion. The only place where it is decided who does what next."""

from typing import assert_never

from msgspec import Struct

from premortem.domain.incident import Incident
from premortem.domain.project_stream import ProjectRecord, Resolved
from premortem.domain.tasks import BuildContext, Task, task_id
from premortem.domain.timeline import (
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


class Reaction(Struct, frozen=True):
    """What follows from one fact: requests to workers, further facts, and records for the project stream."""

    tasks: tuple[Task, ...] = ()
    facts: tuple[IncidentFact, ...] = ()
    records: tuple[ProjectRecord, ...] = ()


NOTHING = Reaction()


def react(incident: Incident, fact: IncidentFact) -> Reaction:
    """Return what `fact` sets in motion, given the incident after it. Pure: the same fact gives the same ids."""
    match fact:
        case IncidentDetected() | IncidentReopened():
            return Reaction(tasks=(_build_context(incident, fact),))
        case IncidentResolved():
            return Reaction(records=_resolved(incident, fact))
        case (
            IncidentGrew()
            | IncidentMerged()
            | ContextBuilt()
            | RootCauseProposed()
            | InstrumentationProposed()
            | FixProposed()
            | PullRequestOpened()
            | FixApplied()
            | FixDeployed()
            | EvaluationCompleted()
            | IncidentSuppressed()
            | TaskFailed()
            | HumanResponded()
        ):
            return NOTHING
        case _:
            assert_never(fact)


def _build_context(incident: Incident, fact: IncidentFact) -> BuildContext:
    return BuildContext(
        id=task_id(BuildContext, fact.id),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        caused_by=fact.id,
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
