"""Numbers that follow from other numbers on the timeline, computed once more: decisions, causes, evaluations."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from premortem.domain.calibration import Tally, calibrated
from premortem.domain.claims import Settled
from premortem.domain.decision import LEVEL_GATE, Decision, Gate, alternatives, needed
from premortem.domain.evaluation import FEWEST_EVENTS, judged, summary_of
from premortem.domain.evidence import Made
from premortem.domain.observations import Exposure, read
from premortem.domain.timeline import (
    Comparison,
    ContextBuilt,
    EvaluationCompleted,
    FixDeployed,
    IncidentDetected,
    IncidentFact,
    IncidentGrew,
    IncidentReopened,
    RootCauseProposed,
)
from replay.verifying.checked import Check, Wrong, differing, distinct
from replay.verifying.derived_ids import answers
from replay.verifying.incident_records import Placed

_AT_LEAST = frozenset(
    {"score", "events", "minutes known", "minimum events", "minimum users", "times the rate when muted",
     "times the baseline", "days above the baseline", "events in these days", "unhandled or fatal", LEVEL_GATE}
)  # fmt: skip
_AT_MOST = frozenset({"hours old"})
_ABOVE = frozenset({"recurring peak"})
_ROUNDED = frozenset({"recurring peak", "times the baseline", "minutes known", "hours old"})
_NEAR = 2e-6
"""Numbers of these gates are rounded to 1e-6 after they were compared: so near its limit either answer is right."""


class Rules(Struct, frozen=True, kw_only=True):
    """What judged, as it is today. What another version judged cannot be computed again."""

    settle: Callable[[ContextBuilt], Settled]
    """What the rules make of a context."""
    cause_version: int
    evaluation_version: int


def number_checks(facts: Sequence[Placed], rules: Rules) -> tuple[Check, Check, Check]:
    """Return the checks of the decisions' gates, of the causes' confidence, and of the evaluations."""
    return _decisions(facts), _causes(facts, rules), _evaluations(facts, rules)


# ------------------------------------------------------------------------------------------------------- decisions
def _decisions(facts: Sequence[Placed]) -> Check:
    wrong: list[Wrong] = []
    count = 0
    for placed in facts:
        fact = placed.fact
        if isinstance(fact, IncidentDetected | IncidentGrew | IncidentReopened) and fact.decision is not None:
            count += 1
            wrong += differing(placed.where, _decided(fact.decision))
    return Check(what="decisions follow from their gates", count=count, wrong=tuple(wrong))


def _decided(decision: Decision) -> Iterator[tuple[str, object, object]]:
    for gate in decision.gates:
        passes = _passes(gate)
        if passes is not None:
            yield f"gate {gate.name!r} {gate.observed:.15g} against {gate.limit:.15g} passed", passes, gate.passed
        if gate.name == "score" and decision.score is not None:
            yield "score", decision.score, gate.observed
            yield "threshold", decision.threshold, gate.limit
    either = alternatives(decision)
    one = not either or any(gate.passed for gate in either)
    if decision.gates:
        yield "fired", one and all(gate.passed for gate in needed(decision)), decision.fired


def _passes(gate: Gate) -> bool | None:
    """Return whether the gate's numbers let it pass; None where other things decide, or rounding hides it."""
    first_hour = gate.name.startswith(("events in its first", "users in its first"))
    if gate.name in _ROUNDED and abs(gate.observed - gate.limit) <= _NEAR:
        return None
    if gate.name in _AT_LEAST or first_hour:
        return gate.observed >= gate.limit
    if gate.name in _AT_MOST:
        return gate.observed <= gate.limit
    return gate.observed > gate.limit if gate.name in _ABOVE else None


# ---------------------------------------------------------------------------------------------------------- causes
def _causes(facts: Sequence[Placed], rules: Rules) -> Check:
    wrong: list[Wrong] = []
    said: list[str] = []
    count = gone = 0
    for at, placed in enumerate(facts):
        fact = placed.fact
        if not isinstance(fact, RootCauseProposed):
            continue
        count += 1
        wrong += differing(placed.where, _weighed(fact))
        context = _context_of(fact, [each.fact for each in facts[:at]])
        why = _not_judged(fact.made, context, rules.cause_version)
        if context is None or why:
            gone += 1
            said.append(why)
            continue
        found = differing(placed.where, _settled(fact, rules.settle(context)))
        if found and fact.made is not None and fact.made.by == "model":
            gone += 1  # beside a model's answer the version of the rules that capped it is not kept
            said.append("A model told the cause, and today's rules cap it otherwise; which ones did then is not kept.")
        else:
            wrong += found
    return Check(
        what="causes are what the rules allow", count=count, gone=gone, wrong=tuple(wrong), said=distinct(said)
    )


def _weighed(fact: RootCauseProposed) -> Iterator[tuple[str, object, object]]:
    """Yield what follows from the fact alone: no more than the cap, nor than what earlier causes came to."""
    claimed = fact.claimed if fact.decided_by else fact.confidence
    yield "claimed no more than its cap", True, claimed <= fact.cap
    if fact.decided_by:
        observed = Tally(fact.observed_right, fact.observed_cases)
        yield "confidence", calibrated(claimed, observed, fact.least_cases), fact.confidence


def _context_of(fact: RootCauseProposed, before: Sequence[IncidentFact]) -> ContextBuilt | None:
    return next((each for each in before if isinstance(each, ContextBuilt) and answers(fact, each)), None)


def _not_judged(made: Made | None, context: ContextBuilt | None, version: int) -> str:
    """Return why the cause cannot be judged again, or nothing."""
    if context is None or not context.evidence:
        return "The evidence was not kept with the facts when this cause was proposed."
    if made is None or made.by == "person":
        return "It is not said which rules judged."
    if made.by == "rules" and made.agent_version != version:
        return f"Version {made.agent_version} of the rules judged, and these are version {version}."
    return ""


def _settled(fact: RootCauseProposed, settled: Settled) -> Iterator[tuple[str, object, object]]:
    """Yield what is the rules' whoever told the cause, and of the rules' own causes all the rest."""
    yield "verdict", settled.verdict, fact.verdict
    yield "confidence as claimed", settled.confidence, fact.claimed if fact.decided_by else fact.confidence
    yield "cap", (settled.cap, settled.cap_reason), (fact.cap, fact.cap_reason)
    if fact.made is not None and fact.made.by == "rules":
        yield "raw confidence", settled.raw_confidence, fact.raw_confidence
        yield "suspect change", settled.suspect, fact.suspect
        yield "hypotheses", settled.hypotheses, fact.hypotheses
        yield "causal chain", settled.chain, fact.chain


# ----------------------------------------------------------------------------------------------------- evaluations
def _evaluations(facts: Sequence[Placed], rules: Rules) -> Check:
    wrong: list[Wrong] = []
    said: list[str] = []
    told: list[Comparison] = []
    count = gone = 0
    for placed in facts:
        fact = placed.fact
        if isinstance(fact, FixDeployed):
            told = []
        if not isinstance(fact, EvaluationCompleted) or not fact.comparisons:
            continue
        count += 1
        exposure = next(filter(None, (read(each, Exposure) for each in fact.evidence)), None)
        if exposure is None or fact.made is None:
            gone += 1
            said.append("What was counted was not kept with the verdict.")
        elif fact.made.agent_version != rules.evaluation_version:
            gone += 1
            said.append(f"Version {fact.made.agent_version} of the evaluation judged, and this is another one.")
        else:
            wrong += _judged_again(placed.where, fact, exposure, fact.made.duration_ms, told)
        told.append(fact.comparisons[0])
    return Check(
        what="verdicts on fixes follow from the counts", count=count, gone=gone, wrong=tuple(wrong), said=distinct(said)
    )


def _judged_again(
    where: str, fact: EvaluationCompleted, exposure: Exposure, duration_ms: int, told: Sequence[Comparison]
) -> list[Wrong]:
    """Compare the counts with what was measured, and every number and the verdict with what follows from the counts."""
    moved = sum(each.events for each in exposure.new_errors if each.sibling)
    new = [each.events for each in exposure.new_errors if not each.sibling and each.events >= FEWEST_EVENTS]
    at = fact.occurred_at - duration_ms
    again = judged(fact.comparisons, exposure.deployed_at, at, told, moved=moved, new_events=sum(new))
    wrong = differing(
        where,
        [
            ("verdict", again.effect, fact.verdict),
            ("reason", again.reason, fact.reason),
            ("next look", again.look_again_at, fact.look_again_at),
            ("summary", summary_of(again), fact.summary),
        ],
    )
    for number, (recorded, computed) in enumerate(zip(fact.comparisons, again.comparisons, strict=True), 1):
        name = f"{where}, comparison {number} ({recorded.against})"
        names = ("ratio", "low", "high", "p_lower", "p_higher")
        wrong += differing(name, [(each, getattr(computed, each), getattr(recorded, each)) for each in names])
        wrong += differing(name, _counted(recorded, exposure, moved, len(new)))
    return wrong


def _counted(recorded: Comparison, exposure: Exposure, moved: int, new: int) -> Iterator[tuple[str, object, object]]:
    """Yield the counts of a comparison that the measured totals give; the same hours of weeks before have none."""
    side = partial(_side, exposure)
    match recorded.against:
        case "new_errors":
            yield "new errors before", exposure.new_errors_before, recorded.before_events
            yield "new errors after", new, recorded.after_events
            return
        case "concurrent_releases":
            yield "events without the fix", side("events", 1, fixed=False), recorded.before_events
            yield "sessions without the fix", side("sessions", 1, fixed=False), recorded.before_exposure
        case "onset_to_fix":
            yield "events before", side("events", 0), recorded.before_events
            if recorded.unit == "sessions":
                yield "sessions before", side("sessions", 0), recorded.before_exposure
        case "same_hours":
            pass
    yield "events after", side("events", 1, fixed=True) + moved, recorded.after_events
    if recorded.unit == "sessions":
        yield "sessions after", side("sessions", 1, fixed=True), recorded.after_exposure


def _side(exposure: Exposure, what: str, half: int, *, fixed: bool | None = None) -> int:
    """Return a total before (0) or after (1) the deploy: of all releases, or of those with the fix or without."""
    return sum(getattr(each, what)[half] for each in exposure.releases if fixed in (None, each.carries_fix))
