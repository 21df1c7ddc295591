"""Ids that are derived from what caused a fact, derived once more. A name is made of the parts that it must have."""

from collections.abc import Iterator, Sequence

from premortem.domain.detection.findings import incident_id
from premortem.domain.ids import derive
from premortem.domain.tasks import (
    BuildContext,
    EvaluateFix,
    FindDeploy,
    OpenPullRequest,
    ProposeFix,
    ProposeInstrumentation,
    ProposeRootCause,
    Task,
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
from replay.verifying.checked import Check, Wrong
from replay.verifying.incident_records import Placed

_ANSWERED: dict[type[IncidentFact], tuple[type[Task], ...]] = {
    ContextBuilt: (BuildContext,),
    RootCauseProposed: (ProposeRootCause,),
    InstrumentationProposed: (ProposeInstrumentation,),
    FixProposed: (ProposeFix,),
    PullRequestOpened: (OpenPullRequest,),
    FixDeployed: (FindDeploy,),
    EvaluationCompleted: (EvaluateFix, FindDeploy),
}
"""The work that each fact of a worker answers."""


def derived_ids(facts: Sequence[Placed]) -> Check:
    """Return the check of the ids that follow from what stands on the timeline before them, the incident's own first.

    What named an incident's merged parts, or a person's answer that came with a key, is not on this timeline: such ids
    are left out.
    """
    wrong: list[Wrong] = []
    count = 0
    before: list[IncidentFact] = []
    for placed in facts:
        fact = placed.fact
        if isinstance(fact, IncidentDetected) and not before:
            count += 1
            name = incident_id(fact.tenant_id, fact.project_id, fact.fingerprint, fact.decision)
            if name != fact.incident_id:
                wrong.append(Wrong(f"{placed.where}, the incident's id", name, fact.incident_id))
        names = _names(fact, before)
        first = next(names, None)
        if first is not None:
            count += 1
            if fact.id != first and fact.id not in names:
                expected = f"an id like {first}, of what is said or of one of the {len(before)} facts before"
                wrong.append(Wrong(f"{placed.where}, its id", expected, fact.id))
        before.append(fact)
    return Check(what="ids follow from what caused them", count=count, wrong=tuple(wrong))


def answers(fact: IncidentFact, cause: IncidentFact) -> bool:
    """Tell whether a worker's fact answers the work that `cause` asked for."""
    return fact.id in _answers(fact, [cause])


def _names(fact: IncidentFact, before: Sequence[IncidentFact]) -> Iterator[str]:
    """Yield the ids that the fact may have; none where it cannot be told."""
    incident = fact.incident_id
    match fact:
        case IncidentDetected():
            yield derive("fact", incident, "IncidentDetected")
        case IncidentGrew() if fact.title:
            yield derive("fact", incident, "IncidentGrew", fact.event_id)
        case IncidentReopened():
            yield derive("fact", incident, "IncidentReopened", fact.event_id or "")
            for cause in reversed(before):
                yield derive("follows", "reopened", cause.id)
                yield derive("fact", incident, "IncidentReopened", cause.id)
        case IncidentMerged():
            yield derive("fact", incident, "IncidentMerged", fact.into)
        case IncidentSuppressed():
            yield derive("fact", incident, "IncidentSuppressed", fact.rule)
            yield from (derive("follows", "suppressed", cause.id) for cause in reversed(before))
        case IncidentResolved():
            yield derive("fact", incident, "IncidentResolved", fact.occurred_at)
            yield from (derive("follows", "resolved", cause.id) for cause in reversed(before))
        case TaskFailed():
            yield derive("gave up", fact.task_id)
            yield from (derive("follows", "handed over", cause.id) for cause in reversed(before))
        case FixApplied():
            yield derive("pull request merged", incident, fact.repository, fact.number, fact.commit)
        case IncidentGrew() | HumanResponded() | AnswerReconsidered():
            return
        case _:
            yield from _answers(fact, before)


def _answers(fact: IncidentFact, before: Sequence[IncidentFact]) -> Iterator[str]:
    for kind in _ANSWERED.get(type(fact), ()):
        yield from (derive("answer", kind.__name__, cause.id) for cause in reversed(before))
