"""Provenance: which facts of the timeline the detector tells, and which version of it told one.

All others come from people, from workers and from the rules of routing; a replay of the project stream gives these
alone.
"""

from typing import assert_never

from premortem.domain.decision import Decision
from premortem.domain.timeline import (
    AnswerReconsidered,
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentDetected,
    IncidentGrew,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
    TaskFailed,
    TimelineEvent,
    TimelineTicked,
)

DETECTORS = (IncidentDetected, IncidentGrew, IncidentMerged, IncidentReopened, IncidentSuppressed)
"""Kinds of facts that the detector tells; the last two are told by others, too."""


def is_of_detector(fact: TimelineEvent) -> bool:
    """Say whether the detector tells such a fact.

    Of re-openings those with a decision, of suppressions those by a rule: a verdict's and a person's have neither.
    """
    match fact:
        case IncidentDetected() | IncidentGrew() | IncidentMerged():
            return True
        case IncidentReopened():
            return fact.decision is not None
        case IncidentSuppressed():
            return fact.rule != ""
        case (
            ContextBuilt()
            | RootCauseProposed()
            | InstrumentationProposed()
            | FixProposed()
            | PullRequestOpened()
            | FixApplied()
            | FixDeployed()
            | EvaluationCompleted()
            | IncidentResolved()
            | TaskFailed()
            | HumanResponded()
            | AnswerReconsidered()
            | TimelineTicked()
        ):
            return False
        case _:
            assert_never(fact)


def detector_version(fact: TimelineEvent) -> int:
    """Return the version of the detector that told the fact; 0 where it does not say.

    What an incident hands over to the one that it is merged into bears the version that opened it.
    """
    if isinstance(fact, IncidentMerged | IncidentSuppressed):
        return fact.detector_version
    decision = decision_of(fact)
    return decision.detector_version if decision is not None else 0


def decision_of(fact: TimelineEvent) -> Decision | None:
    """Return the detector's decision that the fact carries; None = it carries none."""
    return fact.decision if isinstance(fact, IncidentDetected | IncidentGrew | IncidentReopened) else None
