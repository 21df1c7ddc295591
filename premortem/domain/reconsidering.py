"""Reconsidering: a question is asked again as it was asked then, and the answer is recorded beside the old one.

What was known then is the incident's timeline up to the old answer, and nothing behind it.
"""

import hashlib
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from premortem.domain.calibration import lent
from premortem.domain.ids import FactId, TaskId, derive
from premortem.domain.incident import fold
from premortem.domain.outcomes import ProposedCause
from premortem.domain.tasks import VERSIONS, ProposeRootCause, answer_id, task_id
from premortem.domain.timeline import AnswerReconsidered, Changed, ContextBuilt, IncidentFact, RootCauseProposed, encode
from premortem.domain.work import Work


def answer_of(facts: Sequence[IncidentFact], fact_id: str = "") -> RootCauseProposed | None:
    """Return the cause of this id, or the newest one without an id; None when there is none."""
    causes = (fact for fact in reversed(facts) if isinstance(fact, RootCauseProposed))
    return next((cause for cause in causes if fact_id in ("", cause.id)), None)


def work_again(facts: Sequence[IncidentFact], old: RootCauseProposed) -> Work[ProposeRootCause] | None:
    """Return the work that `old` answered, as it was handed out then; None when no context asked for it."""
    before, context = _known_then(facts, old), context_of(facts, old)
    incident = fold(before)
    return Work(_task(context, old), incident, before) if incident is not None and context is not None else None


def context_of(facts: Sequence[IncidentFact], old: RootCauseProposed) -> ContextBuilt | None:
    """Return the context that `old` answered, with the evidence that it rests on; None when none asked for it."""
    contexts = (fact for fact in reversed(_known_then(facts, old)) if isinstance(fact, ContextBuilt))
    return next((context for context in contexts if answer_id(_task(context, old)) == old.id), None)


def known_then(old: RootCauseProposed) -> tuple[ProposedCause, ...]:
    """Return what was known of earlier causes like `old`, as it froze it: that many right ones and wrong ones.

    What had become of causes of other kinds by then stands nowhere.
    """
    cases = old.observed_cases - old.benchmark_cases
    right = min(max(old.observed_right - lent(old.decided_by, old.cap_reason, old.least_cases).right, 0), max(cases, 0))
    return tuple(
        ProposedCause(
            id=FactId(f"{old.id}/{n}"),
            at=0,
            decided_by=old.decided_by,
            reason=old.cap_reason,
            claimed=old.claimed,
            said="right" if n < right else "wrong",
        )
        for n in range(cases)
    )


def reconsidered(old: RootCauseProposed, answer: RootCauseProposed, changed: Changed, at: int) -> AnswerReconsidered:
    """Return the fact that stands beside `old`. The same answer to the same question is the same fact, whatever it
    took and whenever it was given.
    """
    said = replace(answer, occurred_at=0, made=None)
    content = hashlib.sha256(encode(said)).hexdigest()
    asked = (changed.model, changed.prompt_hash, changed.budget_tokens)
    return AnswerReconsidered(
        id=FactId(derive("reconsidered", old.id, *asked, content)),
        incident_id=old.incident_id,
        tenant_id=old.tenant_id,
        project_id=old.project_id,
        occurred_at=at,
        stage="rca",
        reconsiders=old.id,
        answer=answer,
        changed=changed,
    )


def reconsiderations(facts: Sequence[IncidentFact], old: RootCauseProposed) -> Iterator[AnswerReconsidered]:
    """Yield what was answered when `old` was asked for again, in order."""
    for fact in facts:
        if isinstance(fact, AnswerReconsidered) and fact.reconsiders == old.id:
            yield fact


def _known_then(facts: Sequence[IncidentFact], old: RootCauseProposed) -> Sequence[IncidentFact]:
    return facts[: next((n for n, fact in enumerate(facts) if fact.id == old.id), len(facts))]


def _task(context: ContextBuilt, old: RootCauseProposed) -> ProposeRootCause:
    """Return the task that a context asked for, as it was when `old` answered it."""
    made = old.made
    return ProposeRootCause(
        id=TaskId(made.task_id) if made and made.task_id else task_id(ProposeRootCause, context.id),
        incident_id=old.incident_id,
        tenant_id=old.tenant_id,
        project_id=old.project_id,
        caused_by=context.id,
        attempt=made.attempt if made else 1,
        at=old.occurred_at - (made.duration_ms if made else 0),
        v=VERSIONS[ProposeRootCause],
    )
