"""ProposeRootCause: what brought the error, by a model where there is one and by rules beside it; code decides.

Whoever analyses gives a claim; `domain.claims.settle` takes out what no stored evidence shows and caps the confidence.
"""

import time
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from premortem.agents import rules
from premortem.agents.suspects import commit_named, support_for
from premortem.domain.claims import Claimed, settle
from premortem.domain.evidence import Made
from premortem.domain.tasks import ProposeRootCause
from premortem.domain.timeline import Baseline, ContextBuilt, RootCauseProposed
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent
from premortem.ports import Tracer

_STEP = "rca"


class Analyst(Protocol):
    """A model that claims a cause. Its `Made` says what that took; raises Retryable when it cannot answer now."""

    def claim(self, work: Work[ProposeRootCause], context: ContextBuilt) -> tuple[Claimed, Made]:
        """Return the claim, inconclusive when the budget is spent, and who made it."""


class RootCauses:
    """The handler. `analyst` None = the rules alone."""

    def __init__(self, analyst: Analyst | None, tracer: Tracer, seconds: Callable[[], float] = time.monotonic) -> None:
        self._analyst, self._tracer, self._seconds = analyst, tracer, seconds

    def __call__(self, work: Work[ProposeRootCause]) -> Answer:
        """Return the root cause that the context shows. Raises Permanent when there is none, Retryable."""
        started = self._seconds()
        context = cause_of(work)
        claimed = by_rules = rules.claim(context.evidence, context.gaps)
        made = Made(by="rules", agent=rules.AGENT, agent_version=rules.VERSION)
        if self._analyst is not None:
            claimed, made = self._analyst.claim(work, context)
        trace = self._tracer.trace_id(work.task.incident_id, _STEP, work.task.attempt)
        duration_ms = round((self._seconds() - started) * 1000)
        made = replace(
            made,
            task_id=work.task.id,
            attempt=work.task.attempt,
            duration_ms=duration_ms,
            trace_id=trace,
            trace_url=self._tracer.trace_url(trace),
        )
        fact = _proposed(work, context, claimed, made)
        if self._analyst is not None:
            fact = replace(fact, baseline=_baseline(_proposed(work, context, by_rules, made)))
        self._tracer.record(
            trace, _STEP, {"evidence": context.evidence_ids}, {"summary": fact.summary, "verdict": fact.verdict}
        )
        return Answer(facts=(fact,))


def cause_of(work: Work[ProposeRootCause]) -> ContextBuilt:
    """Return the context that asked for the cause."""
    for fact in work.facts:
        if fact.id == work.task.caused_by and isinstance(fact, ContextBuilt):
            return fact
    raise Permanent("no context stands behind this task. Was it sent by hand?")


def _proposed(work: Work[ProposeRootCause], context: ContextBuilt, claimed: Claimed, made: Made) -> RootCauseProposed:
    suspect = claimed.suspect
    support = support_for(suspect.commit, context.evidence) if suspect else None
    if suspect and (named := commit_named(suspect.commit, context.evidence)):
        listed, commit = named  # whatever else was claimed about it, this is what was observed
        suspect = replace(
            suspect,
            repository=listed.repository,
            committed_at=commit.committed_at,
            subject=commit.subject,
            paths=commit.paths,
        )
        claimed = replace(claimed, suspect=suspect)
    settled = settle(claimed, context.evidence, support)
    return RootCauseProposed(
        **work.heading(made.duration_ms),
        v=2,
        verdict=settled.verdict,
        summary=settled.summary,
        confidence=settled.confidence,
        agent=made.agent,
        hypotheses=settled.hypotheses,
        chain=settled.chain,
        suspect=settled.suspect,
        suspect_rule=settled.suspect.rule
        if settled.suspect
        else "no change is tied to the failure by what was observed",
        location=settled.location,
        raw_confidence=settled.raw_confidence,
        cap=settled.cap,
        cap_reason=settled.cap_reason,
        missing=claimed.missing,
        next_action=settled.next_action,
        next_action_risk=settled.next_action_risk,
        dropped=settled.dropped,
        made=made,
    )


def _baseline(fact: RootCauseProposed) -> Baseline:
    return Baseline(
        agent=rules.AGENT,
        verdict=fact.verdict,
        summary=fact.summary,
        confidence=fact.confidence,
        suspect_commit=fact.suspect.commit if fact.suspect else "",
    )
