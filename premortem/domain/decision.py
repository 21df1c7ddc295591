"""Decision: why a detector fired or stayed silent, with every number that it compared."""

from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import force_setattr

DetectorName = Literal["novelty", "environment", "release", "spike", "ramp", "regression"]
_NEWS = ("novelty", "environment", "release")
LEVEL_GATE = "an error or worse"
"""Of news, the gates before this one are alternatives: one that passed is enough. Of all others, each must pass."""


class Gate(Struct, frozen=True):
    """One comparison. `passed` is what the detector saw, not a re-computation from the (rounded) numbers."""

    name: str
    observed: float
    limit: float
    passed: bool

    def __post_init__(self) -> None:
        """Make counts floats: a gate that was read back must be written with the same bytes."""
        force_setattr(self, "observed", float(self.observed))
        force_setattr(self, "limit", float(self.limit))


class Decision(Struct, frozen=True, omit_defaults=True):
    """What one detector concluded about one fingerprint at one moment.

    Counts are events, `window_minutes` minutes of event time, `score` decimal orders of magnitude of chance, rounded
    to 1e-6 before it was compared, so that another machine decides alike.
    """

    detector: DetectorName
    detector_version: int
    fired: bool
    at: int
    """Event time of the record that decided, in milliseconds since 1970 UTC."""
    onset: int
    """Where the change is thought to begin, in milliseconds since 1970 UTC."""
    gates: tuple[Gate, ...] = ()
    window_minutes: int | None = None
    observed: int | None = None
    expected: float | None = None
    dispersion: float | None = None
    score: float | None = None
    threshold: float | None = None


def alternatives(decision: Decision) -> tuple[Gate, ...]:
    """Return the gates of which one is enough; none where each must pass."""
    names = [gate.name for gate in decision.gates]
    if decision.detector not in _NEWS or LEVEL_GATE not in names:
        return ()
    return decision.gates[: names.index(LEVEL_GATE)]


def needed(decision: Decision) -> tuple[Gate, ...]:
    """Return the gates of which each must pass."""
    return decision.gates[len(alternatives(decision)) :]


def explain(decision: Decision) -> str:
    """Return one sentence for a person: what was seen, what was expected, and which gate held it back."""
    reason, held = _reason(decision), [] if decision.fired else _held(decision)
    return reason + "; held back: " + ", ".join(held) if held else reason


def _held(decision: Decision) -> list[str]:
    """Return what stood before it: of alternatives nothing, if one of them passed."""
    either = alternatives(decision)
    held = [_compared(gate) for gate in needed(decision) if not gate.passed]
    if either and not any(gate.passed for gate in either):
        held.insert(0, f"none of ({'; '.join(map(_compared, either))})")
    return held


def _compared(gate: Gate) -> str:
    return f"{gate.name} {_shown(gate.observed)} against {_shown(gate.limit)}"


def _reason(decision: Decision) -> str:
    either = alternatives(decision) or decision.gates
    passed = ", ".join(_counted(gate) for gate in either if gate.passed) or "nothing that stands out"
    match decision.detector:
        case "novelty":
            return f"an error that this project has never sent before: {passed}"
        case "environment":
            return f"an error that this environment has never sent before: {passed}"
        case "release":
            return f"an error that was gone is back in a new release: {passed}"
        case "spike":
            return (
                f"{decision.observed} events in {decision.window_minutes} min where {decision.expected:.3g} were "
                f"expected (score {decision.score:.1f}, threshold {decision.threshold:.1f})"
            )
        case "ramp":
            return (
                f"{decision.observed} events in {(decision.window_minutes or 0) // 1440} days where "
                f"{decision.expected:.3g} were expected before it began to grow "
                f"(score {decision.score:.1f}, threshold {decision.threshold:.1f})"
            )
        case "regression":
            return "a resolved error is back" if decision.fired else "a resolved error was seen"
        case _:
            assert_never(decision.detector)


def _counted(gate: Gate) -> str:
    """Return "2 users in its first hour"; a yes or no needs no number."""
    return gate.name if gate.observed == gate.limit == 1 else f"{_shown(gate.observed)} {gate.name}"


def _shown(number: float) -> str:
    """Every digit of a count or of a time in milliseconds, without the noise of a float's last ones."""
    return f"{number:.15g}"
