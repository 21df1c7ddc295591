"""Events: the timeline of a post-mortem, a row for each fact, with its place on the log."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from premortem.domain.decision import explain
from premortem.domain.evidence import Check
from premortem.domain.inert_text import quiet, span
from premortem.domain.moments import length, utc
from premortem.domain.telling import tell
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
from replay.postmortem.told import Placed

_FIRST, _LAST = 120, 80
_RESOLVED_BY = {"verified": "its error rate after the deploy", "by_person": "a person", "quiet": "its silence"}
_DONE = {
    "note": "left a note",
    "acknowledge": "looked into it",
    "assign": "assigned it",
    "confirm_cause": "confirmed the cause",
    "correct_cause": "corrected the cause",
    "reject_cause": "rejected the cause",
    "reject_fix": "rejected the fix",
    "resolve": "resolved it",
    "suppress": "suppressed it",
}


def event_lines(facts: Sequence[Placed]) -> Iterator[str]:
    """Yield a table of what happened. Of a very long story the middle is left out, and said so."""
    yield "| event time (UTC) | since the onset | what | where |"
    yield "|---|---|---|---|"
    onset = next((p.fact.decision.onset for p in facts if isinstance(p.fact, IncidentDetected)), 0)
    left_out = len(facts) - _FIRST - _LAST
    for number, each in enumerate(facts):
        if number == _FIRST and left_out > 0:
            yield f"| | | {left_out} more are left out here | |"
        if _FIRST <= number < _FIRST + left_out:
            continue
        at = each.fact.occurred_at
        yield f"| {utc(at)} | {length(at - onset)} | {happened(each.fact)} | `{each.where}` |"


def happened(fact: IncidentFact) -> str:
    """Return what happened: our words as they are, everybody else's in code."""
    match fact:
        case IncidentDetected():
            hidden = f", suppressed by the rule {span(fact.suppressed_by, 64)}" if fact.suppressed_by else ""
            return f"**Detected**: {_decision(explain(fact.decision))}{hidden}"
        case IncidentGrew():
            return f"It grew: {span(fact.title or 'another error', 120)}: {_decision(explain(fact.decision))}"
        case IncidentMerged():
            return f"It is part of incident {span(fact.into, 64)}"
        case ContextBuilt():
            missing = f", {len(fact.gaps)} missing" if fact.gaps else ""
            return f"Evidence gathered: {len(fact.evidence_ids)} observations{missing}"
        case RootCauseProposed():
            said = f"{fact.verdict.replace('_', ' ')}, confidence {fact.confidence:.2f}"
            return f"**Cause proposed**: {said}: {span(fact.summary, 240)}"
        case FixProposed():
            return (
                f"**{fact.form.capitalize()} proposed**: {span(fact.summary, 160)}: {_checked(fact.checks, fact.ready)}"
            )
        case InstrumentationProposed():
            return f"Instrumentation proposed: {span(fact.summary, 160)}: {_checked(fact.checks, fact.ready)}"
        case PullRequestOpened():
            return f"Draft pull request {span(f'{fact.repository}#{fact.number}', 120)}"
        case FixApplied():
            return f"**Merged**: {span(f'{fact.repository}#{fact.number}', 120)} as {span(fact.commit[:12], 12)}"
        case FixDeployed():
            how = "first seen in" if fact.inferred else "deployed to"
            late = f" at {utc(fact.deployed_at)}" if fact.deployed_at not in (0, fact.occurred_at) else ""
            return f"**Deployed**: release {span(fact.release)} was {how} {span(fact.environment, 64)}{late}"
        case EvaluationCompleted():
            return f"**Measured: {fact.verdict.replace('_', ' ')}**: {span(fact.summary, 240)}"
        case IncidentResolved():
            by = f", {span(fact.by, 100)}" if fact.by else ""
            release = f", in release {span(fact.release)}" if fact.release else ""
            return f"**Resolved** by {_RESOLVED_BY[fact.reason]}{by}{release}"
        case IncidentReopened():
            return f"**Open again**: {span(fact.reason, 240)}"
        case IncidentSuppressed():
            who = f"the rule {span(fact.rule, 64)}" if fact.rule else span(fact.by or "a person", 100)
            return f"Suppressed by {who}: {span(fact.reason)}"
        case TaskFailed():
            return f"Given up: {span(fact.stage, 40)}: {span(fact.reason, 240)}"
        case HumanResponded():
            said = f": {span(fact.text, 240)}" if fact.text else ""
            return f"{span(fact.by, 100)} {_DONE.get(fact.action, fact.action)}{said}"
        case AnswerReconsidered():
            return span(tell(fact), 240)
        case _:
            assert_never(fact)


def _decision(sentence: str) -> str:
    """Return a decision's sentence, which is our own words and numbers, without signs that could be Markdown."""
    return quiet(sentence, 300)


def _checked(checks: Sequence[Check], ready: bool) -> str:
    if ready:
        return f"{sum(check.state == 'passed' for check in checks)} checks passed"
    red = [span(check.name, 60) for check in checks if check.required and check.state != "passed"]
    return f"stopped by {', '.join(red)}" if red else "nothing to open a pull request with"
