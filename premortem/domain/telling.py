"""Telling: one sentence for each fact, for whoever reads a timeline. Titles and reasons in it may be anybody's text."""

from typing import assert_never

from premortem.domain.calibration import held_back
from premortem.domain.decision import explain
from premortem.domain.evidence import Check, Made
from premortem.domain.routing import DEFAULT
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

_BY = {"verified": "its error rate after the deploy", "by_person": "a person", "quiet": "its silence"}
_DONE = {
    "note": "notes",
    "acknowledge": "looks into it",
    "assign": "says whose it is",
    "correct_cause": "corrects the cause",
    "reject_cause": "rejects the cause",
    "reject_fix": "rejects the fix",
    "resolve": "resolves it",
    "suppress": "suppresses it",
    "confirm_cause": "confirms the cause",
}


def tell(fact: IncidentFact) -> str:
    """Return what happened, as a sentence."""
    match fact:
        case IncidentDetected():
            return f"{fact.title}: {explain(fact.decision)}"
        case IncidentGrew():
            return f"{fact.title or 'another error'} joined: {explain(fact.decision)}"
        case IncidentMerged():
            return f"it is part of incident {fact.into}"
        case ContextBuilt():
            missing = f"; missing: {', '.join(gap.what for gap in fact.gaps)}" if fact.gaps else ""
            return f"{_counted(len(fact.evidence_ids), 'observation')} gathered{missing}"
        case RootCauseProposed():
            held = held_back(fact, DEFAULT.fix_confidence)
            said = f"{fact.verdict.replace('_', ' ')}, confidence {fact.confidence:.2f}: {fact.summary}"
            return said + _maker(fact.made) + (f"; no fix is tried: {held}" if held else "")
        case FixProposed() | InstrumentationProposed():
            return f"{fact.summary}: {_checked(fact.checks, ready=fact.ready)}{_maker(fact.made)}"
        case PullRequestOpened():
            return f"draft pull request {fact.repository}#{fact.number}: {fact.url}"
        case FixApplied():
            return f"{fact.repository}#{fact.number} was merged as {fact.commit[:12]}"
        case FixDeployed():
            how = "seen in" if fact.inferred else "deployed to"
            return f"release {fact.release} carries it and was {how} {fact.environment}"
        case EvaluationCompleted():
            return f"{fact.verdict.replace('_', ' ')}: {fact.summary}"
        case IncidentResolved():
            return f"resolved by {_BY[fact.reason]}" + (f", in release {fact.release}" if fact.release else "")
        case IncidentReopened():
            return f"open again: {fact.reason}"
        case IncidentSuppressed():
            return f"suppressed by {fact.rule or fact.by or 'a person'}: {fact.reason}"
        case TaskFailed():
            return f"{fact.stage} was given up: {fact.reason}"
        case HumanResponded():
            said = ", ".join(filter(None, (fact.owner, fact.text)))
            return f"{fact.by} {_DONE[fact.action]}" + (f": {said}" if said else "")
        case AnswerReconsidered():
            return f"asked again beside what stands: {tell(fact.answer)}"
        case _:
            assert_never(fact)


def _checked(checks: tuple[Check, ...], *, ready: bool) -> str:
    if ready:
        return f"{_counted(sum(check.state == 'passed' for check in checks), 'check')} passed"
    red = [check.name for check in checks if check.required and check.state != "passed"]
    return f"stopped by {', '.join(red)}" if red else "nothing to open a pull request with"


def _maker(made: Made | None) -> str:
    if made is None:
        return ""
    return f" (by the model {made.model})" if made.by == "model" else f" (by {made.by})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
