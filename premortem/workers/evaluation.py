"""EvaluateFix: error rates before and after a deploy, counted in the archive and judged by `domain.evaluation`."""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from premortem.domain.evaluation import Verdict, decide, summary_of
from premortem.domain.evidence import Evidence, Made, observed
from premortem.domain.observations import Exposure, result
from premortem.domain.tasks import EvaluateFix
from premortem.domain.timeline import (
    Comparison,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    IncidentDetected,
    IncidentFact,
    IncidentReopened,
)
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent
from premortem.ports import EvidenceStore, SourceCode
from premortem.workers.deploys import Repositories, history_of
from premortem.workers.measuring import Fix, Measured, measure

AGENT, VERSION = "evaluation", 1


class Story(Struct, frozen=True, kw_only=True):
    """What the timeline says of the fix that is to be judged."""

    fix: Fix
    repository: str
    told: tuple[Comparison, ...]
    """The main comparisons of earlier looks at this deploy."""


class Evaluations:
    """The handler."""

    def __init__(
        self,
        evidence: EvidenceStore,
        source: SourceCode | None = None,
        repositories: Repositories | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._evidence, self._source, self._repositories, self._seconds = evidence, source, repositories, seconds

    def __call__(self, work: Work[EvaluateFix]) -> Answer:
        """Return the verdict, perhaps an inconclusive one that names the next look. Raises Permanent, Unavailable."""
        started = self._seconds()
        task, story = work.task, story_of(work)
        history = history_of(self._source, self._repositories, task.tenant_id, task.project_id, story.repository)
        measured = measure(self._evidence, history, work.incident, story.fix, task.at)
        verdict = decide(measured.observed, story.fix.deployed_at, task.at, story.told)
        return Answer(facts=(_completed(work, story.fix, measured, verdict, self._seconds() - started),))


def story_of(work: Work[EvaluateFix]) -> Story:
    """Return the deploy that the task is about, and what came before and after it. Raises Permanent for none."""
    facts = _until(work.facts, work.task.caused_by)
    at = next((n for n in reversed(range(len(facts))) if isinstance(facts[n], FixDeployed)), -1)
    deployed = facts[at] if at >= 0 else None
    if not isinstance(deployed, FixDeployed):
        raise Permanent("no deploy stands behind this task. Was it sent by hand?")
    proposed = next((fact for fact in reversed(facts[:at]) if isinstance(fact, FixProposed)), None)
    merge = next(
        (fact for fact in reversed(facts[:at]) if isinstance(fact, FixApplied) and fact.commit == deployed.commit), None
    )
    later = (fact for fact in facts[at:] if isinstance(fact, EvaluationCompleted))
    return Story(
        fix=Fix(
            release=deployed.release,
            environment=deployed.environment,
            commit=deployed.commit,
            deployed_at=deployed.deployed_at or deployed.occurred_at,
            onset=_onset(facts[:at]),
            paths=tuple(sorted({edit.path for edit in proposed.edits})) if proposed else (),
        ),
        repository=merge.repository if merge else "",
        told=tuple(fact.comparisons[0] for fact in later if fact.comparisons),
    )


def _until(facts: Sequence[IncidentFact], last: str) -> Sequence[IncidentFact]:
    """Return the facts up to the one that caused the task."""
    return facts[: next((n + 1 for n, fact in enumerate(facts) if fact.id == last), len(facts))]


def _onset(facts: Sequence[IncidentFact]) -> int:
    """Return when the errors began, or began again after the incident had been over."""
    onset = 0
    for fact in facts:
        if isinstance(fact, IncidentDetected | IncidentReopened) and fact.decision is not None:
            onset = fact.decision.onset
    return onset


def _completed(
    work: Work[EvaluateFix], fix: Fix, measured: Measured, verdict: Verdict, seconds: float
) -> EvaluationCompleted:
    duration = round(seconds * 1000)
    return EvaluationCompleted(
        **work.heading(duration),
        verdict=verdict.effect,
        summary=summary_of(verdict),
        reason=verdict.reason,
        release=fix.release,
        environment=fix.environment,
        comparisons=verdict.comparisons,
        siblings=measured.siblings,
        look_again_at=verdict.look_again_at,
        made=Made(
            by="rules",
            agent=AGENT,
            agent_version=VERSION,
            task_id=work.task.id,
            attempt=work.task.attempt,
            duration_ms=duration,
        ),
        evidence=(_evidence(fix, measured.exposure),),
        v=3,
    )


def _evidence(fix: Fix, exposure: Exposure) -> Evidence:
    return observed(
        "exposure",
        f"Events and sessions before {fix.release} was deployed, and after",
        "release_counts, release_sessions, release_activity, new_errors",
        (("environment", fix.environment), ("release", fix.release)),
        result(exposure),
    )
