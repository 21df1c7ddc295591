"""ProposeRootCause: what brought the error, by rules, and told by a model where there is one; code decides.

Whoever analyses gives a claim; `domain.claims.settle` takes out what no stored evidence shows and caps the confidence;
`domain.calibration` lowers it to what earlier causes of its kind came to.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from premortem.agents import rules
from premortem.agents.signature import signed
from premortem.agents.suspects import as_well_tied, commit_named, support_for
from premortem.domain.calibration import weighed
from premortem.domain.claims import Claimed, settle
from premortem.domain.evidence import Made
from premortem.domain.ids import TenantId
from premortem.domain.outcomes import ProposedCause, chosen_by_model, model_decides
from premortem.domain.routing import DEFAULT
from premortem.domain.tasks import ProposeRootCause
from premortem.domain.timeline import Baseline, ContextBuilt, RootCauseProposed
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent
from premortem.ports import Tracer

_STEP = "rca"
_UNSHOWN = "What is likeliest is told by the evidence; a file's name in it cannot be shown."
"""A file may be called like an address, and then the sentence about it is taken out."""


class Analyst(Protocol):
    """A model that claims a cause. Its `Made` says what that took; raises Retryable when it cannot answer now."""

    def claim(self, work: Work[ProposeRootCause], context: ContextBuilt) -> tuple[Claimed | str, Made]:
        """Return the claim, or why there is none (the budget is spent, no valid answer), and who made it."""


Outcomes = Callable[[TenantId], Sequence[ProposedCause]]
"""Returns the tenant's causes whose outcome is known: `IncidentStore.outcomes`."""


class RootCauses:
    """The handler. `analyst` None = the rules alone."""

    def __init__(
        self,
        analyst: Analyst | None,
        outcomes: Outcomes,
        tracer: Tracer,
        *,
        least_cases: int = DEFAULT.least_cases,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._analyst, self._outcomes, self._tracer = analyst, outcomes, tracer
        self._least_cases, self._seconds = least_cases, seconds

    def __call__(self, work: Work[ProposeRootCause]) -> Answer:
        """Return the root cause that the context shows. Raises Permanent when there is none, Retryable."""
        started = self._seconds()
        context = cause_of(work)
        by_rules = rules.claim(context.evidence, context.gaps)
        made = Made(by="rules", agent=rules.AGENT, agent_version=rules.VERSION)
        claimed: Claimed | str | None = None
        if self._analyst is not None:
            claimed, by_model = self._analyst.claim(work, context)
            made = _took(made, by_model) if isinstance(claimed, str) else by_model
        made = signed(made, work.task, self._tracer, _STEP, round((self._seconds() - started) * 1000))
        fact = _proposed(work, context, by_rules, made)
        if isinstance(claimed, str):
            fact = replace(fact, dropped=(*fact.dropped, f"the model gave no answer: {claimed}"))
        elif claimed is not None:
            fact = _told_by_model(fact, _named(claimed, context), context)
        fact = weighed(fact, _decided_by(fact), self._outcomes(work.task.tenant_id), self._least_cases)
        self._tracer.record(
            made.trace_id, _STEP, {"evidence": context.evidence_ids}, {"summary": fact.summary, "verdict": fact.verdict}
        )
        return Answer(facts=(fact,))


def cause_of(work: Work[ProposeRootCause]) -> ContextBuilt:
    """Return the context that asked for the cause."""
    for fact in work.facts:
        if fact.id == work.task.caused_by and isinstance(fact, ContextBuilt):
            return fact
    raise Permanent("no context stands behind this task. Was it sent by hand?")


def _proposed(work: Work[ProposeRootCause], context: ContextBuilt, claimed: Claimed, made: Made) -> RootCauseProposed:
    support = support_for(claimed.suspect.commit, context.evidence) if claimed.suspect else None
    settled = settle(claimed, context.evidence, support)
    return RootCauseProposed(
        **work.heading(made.duration_ms),
        v=4,
        verdict=settled.verdict,
        summary=settled.summary or _UNSHOWN,
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
        raw_verdict=settled.verdict,
        raw_suspect=settled.suspect.commit if settled.suspect else "",
        cap=settled.cap,
        cap_reason=settled.cap_reason,
        missing=claimed.missing,
        next_action=settled.next_action,
        next_action_risk=settled.next_action_risk,
        dropped=settled.dropped,
        made=made,
    )


def _took(rules_made: Made, by_model: Made) -> Made:
    """Return the rules' signature with what a model took that gave no answer."""
    return replace(
        rules_made,
        prompt_hash=by_model.prompt_hash,
        input_tokens=by_model.input_tokens,
        output_tokens=by_model.output_tokens,
        cost_microdollars=by_model.cost_microdollars,
    )


def _named(claimed: Claimed, context: ContextBuilt) -> Claimed:
    """Return the claim with what was observed of its suspect change in place of whatever was said of it."""
    if claimed.suspect is None:
        return claimed
    named = commit_named(claimed.suspect.commit, context.evidence)
    if named is None:
        return claimed
    listed, commit = named
    suspect = replace(
        claimed.suspect,
        repository=listed.repository,
        committed_at=commit.committed_at,
        subject=commit.subject,
        paths=commit.paths,
    )
    return replace(claimed, suspect=suspect)


def _told_by_model(by_rules: RootCauseProposed, claimed: Claimed, context: ContextBuilt) -> RootCauseProposed:
    """Return the rules' cause in a model's words, where they stand.

    What decides where the incident goes, verdict and confidence, stays the rules': a model that was talked into
    anything by an event's text can change what is read, never what happens. Among changes that are tied to the failure
    equally well it may choose.
    """
    suspect = claimed.suspect
    settled = settle(claimed, context.evidence, support_for(suspect.commit, context.evidence) if suspect else None)
    dropped = list(settled.dropped)
    chosen = by_rules.suspect
    if settled.suspect is not None and settled.suspect.commit != (chosen.commit if chosen else ""):
        if as_well_tied(settled.suspect.commit, context.evidence):
            chosen = settled.suspect
        else:
            dropped.append(
                f"suspect change {settled.suspect.commit[:12]}: another one is tied to the failure more closely"
            )
    if settled.verdict == "not_an_incident":
        dropped.append("that nothing is broken: a person may say so")
    return replace(
        by_rules,
        summary=settled.summary or by_rules.summary,
        agent="rca",
        hypotheses=settled.hypotheses or by_rules.hypotheses,
        chain=settled.chain or by_rules.chain,
        suspect=chosen,
        suspect_rule=chosen.rule if chosen else by_rules.suspect_rule,
        raw_confidence=settled.raw_confidence,
        raw_verdict=settled.verdict,
        raw_suspect=settled.suspect.commit if settled.suspect else "",
        next_action=settled.next_action or by_rules.next_action,
        next_action_risk=settled.next_action_risk or by_rules.next_action_risk,
        dropped=tuple(dropped),
        baseline=_baseline(by_rules),
    )


def _decided_by(fact: RootCauseProposed) -> str:
    """Return whose verdict it is: a model that chose what is suspected answers for itself, from its first case on."""
    if fact.made is not None and chosen_by_model(fact):
        return model_decides(fact.made)
    return f"{rules.AGENT} {rules.VERSION}"


def _baseline(fact: RootCauseProposed) -> Baseline:
    return Baseline(
        agent=rules.AGENT,
        verdict=fact.verdict,
        summary=fact.summary,
        confidence=fact.confidence,
        suspect_commit=fact.suspect.commit if fact.suspect else "",
    )
