"""What `premortem incidents show` says of the work on an incident: cause, gaps, patch, pull request, verdict, timeline.

Everything here is lines of text; whoever prints them takes out what could drive a terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from premortem.cli.moments import show_moment
from premortem.domain.calibration import held_back
from premortem.domain.comparing_answers import opinion
from premortem.domain.evidence import Check, Citation, Gap, Hypothesis, Made
from premortem.domain.incident import Incident
from premortem.domain.reconsidering import reconsiderations
from premortem.domain.routing import DEFAULT
from premortem.domain.telling import tell
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixProposed,
    IncidentFact,
    InstrumentationProposed,
    RootCauseProposed,
)

F = TypeVar("F", bound=IncidentFact)
_STATES = {"passed": "passed", "failed": "FAILED", "not_possible": "not possible"}


def work(incident: Incident, facts: Sequence[IncidentFact]) -> Iterator[str]:
    """Yield what the newest analysis, proposal and verdict say; nothing for an incident that nobody worked on yet."""
    context, cause = _newest(facts, ContextBuilt), _newest(facts, RootCauseProposed)
    if cause is not None:
        yield from _cause(cause)
        yield from _asked_again(cause, facts)
    yield from _missing(cause, context)
    if context is not None:
        yield from _evidence(context)
    for proposal in (_newest(facts, InstrumentationProposed), _newest(facts, FixProposed)):
        if proposal is not None:
            yield from _proposal(proposal)
    if incident.pull_requests:
        yield "Pull requests"
        for pull in incident.pull_requests:
            merge = f" as {pull.commit[:12]}" if pull.commit else ""
            yield f"  {pull.repository}#{pull.number} ({pull.purpose}): {pull.state}{merge}, {pull.url}"
    if (verdict := _newest(facts, EvaluationCompleted)) is not None:
        yield from _verdict(verdict)


def timeline(facts: Iterable[IncidentFact]) -> Iterator[str]:
    """Yield a line for each fact: when, which, and what happened."""
    for fact in facts:
        yield f"  {show_moment(fact.occurred_at)}  {type(fact).__name__}: {tell(fact)}"


def _newest(facts: Sequence[IncidentFact], kind: type[F]) -> F | None:
    return next((fact for fact in reversed(facts) if isinstance(fact, kind)), None)


def _cause(cause: RootCauseProposed) -> Iterator[str]:
    yield f"Cause{_made(cause.made)}"
    yield f"  {cause.summary}"
    yield f"  {'verdict':12} {cause.verdict.replace('_', ' ')}, confidence {cause.confidence:.2f}"
    if cause.cap_reason:
        yield f"  {'':12} {cause.raw_confidence:.2f} was claimed, {cause.cap:.2f} is the most: {cause.cap_reason}"
    if cause.decided_by:
        benchmark = f", {cause.benchmark_cases} of them the benchmark's" if cause.benchmark_cases else ""
        like = f"{cause.observed_right} of {cause.observed_cases} earlier causes like it proved right{benchmark}"
        yield f"  {'outcomes':12} {like} ({cause.decided_by})"
    if held := held_back(cause, DEFAULT.fix_confidence):
        yield f"  {'no fix':12} {held}"
    if cause.suspect is not None:
        suspect = cause.suspect
        yield f"  {'suspect':12} {suspect.commit[:12]} {suspect.subject}, {show_moment(suspect.committed_at)}"
        yield f"  {'':12} {suspect.repository}: {', '.join(suspect.paths[:8])}; {suspect.rule}"
    elif cause.suspect_rule:
        yield f"  {'suspect':12} none: {cause.suspect_rule}"
    if cause.location is not None:
        place = cause.location
        yield f"  {'fails at':12} {place.path}:{place.line} in {place.function or '?'}, at {place.commit[:12]}"
    if cause.next_action:
        risk = f" ({cause.next_action_risk})" if cause.next_action_risk else ""
        yield f"  {'next action':12} {cause.next_action}{risk}"
    yield from _hypotheses(cause.hypotheses)
    for step in cause.chain:
        yield f"  {show_moment(step.at)}  {step.what} [{step.citation.evidence_id}]"
    for dropped in cause.dropped:
        yield f"  {'taken out':12} {dropped}"
    if cause.baseline is not None:
        told = f"{cause.baseline.verdict}, confidence {cause.baseline.confidence:.2f}: {cause.baseline.summary}"
        yield f"  {'the rules':12} {told}"


def _asked_again(cause: RootCauseProposed, facts: Sequence[IncidentFact]) -> Iterator[str]:
    before = opinion(cause).raw_suspect
    for each in reconsiderations(facts, cause):
        said = opinion(each.answer)
        same = ", the same" if said.raw_suspect == before else ""
        verdict = f"{said.raw_verdict.replace('_', ' ')}, {said.raw_confidence:.2f} claimed"
        suspect = said.raw_suspect[:12] or "no change"
        yield f"  {'asked again':12} {verdict}, suspects {suspect}{same}{_made(each.answer.made)}"
        yield f"  {'':12} {each.answer.summary}"


def _hypotheses(hypotheses: Sequence[Hypothesis]) -> Iterator[str]:
    for each in hypotheses:
        yield f"  {each.id:4} {each.state:9} {each.mechanism}{_cited('for', each.supports)}" + _cited(
            "against", each.contradicts
        )


def _cited(word: str, citations: Sequence[Citation]) -> str:
    return f"; {word}: {', '.join(dict.fromkeys(each.evidence_id for each in citations))}" if citations else ""


def _missing(cause: RootCauseProposed | None, context: ContextBuilt | None) -> Iterator[str]:
    gaps: dict[str, Gap] = {}
    for gap in (*(cause.missing if cause else ()), *(context.gaps if context else ())):
        gaps.setdefault(gap.id, gap)
    if gaps:
        yield "Missing"
        for gap in gaps.values():
            yield f"  {gap.id:16} {gap.what} ({gap.why.replace('_', ' ')})"
            yield f"  {'':16} {gap.how}"


def _evidence(context: ContextBuilt) -> Iterator[str]:
    yield f"Evidence{_made(context.made)}"
    for each in context.evidence:
        yield f"  {each.id}  {each.kind:16} {each.title}"


def _proposal(proposal: FixProposed | InstrumentationProposed) -> Iterator[str]:
    form = proposal.form if isinstance(proposal, FixProposed) else "instrumentation"
    yield f"{form.capitalize()}{_made(proposal.made)}"
    yield f"  {proposal.summary}"
    if proposal.repository:
        yield f"  {'on':12} {proposal.repository} at {proposal.base_commit[:12]}"
    for check in proposal.checks:
        yield from _check(check)


def _check(check: Check) -> Iterator[str]:
    first, *_ = check.output.splitlines() or [""]
    needed = "" if check.required else " (not required)"
    yield f"  {check.name:24} {_STATES[check.state]}{needed}{f': {first}' if first else ''}"


def _verdict(verdict: EvaluationCompleted) -> Iterator[str]:
    yield f"Evaluation{_made(verdict.made)}"
    yield f"  {verdict.verdict.replace('_', ' ')}: {verdict.summary}"
    if verdict.release:
        yield f"  {'release':12} {verdict.release} in {verdict.environment or 'no environment'}"
    if verdict.look_again_at is not None:
        yield f"  {'looked at':12} again at {show_moment(verdict.look_again_at)}"


def _made(made: Made | None) -> str:
    if made is None:
        return ""
    who = f"by {made.model or made.by}: {made.agent} {made.agent_version}"
    trace = f", trace {made.trace_url or made.trace_id}" if made.trace_url or made.trace_id else ""
    return f" ({who}, task {made.task_id}, attempt {made.attempt}{trace})"
