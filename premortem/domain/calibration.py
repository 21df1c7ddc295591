"""Calibration: how often causes of one kind proved right before, against how sure they claimed to be.

A kind is a decider (`outcomes.decider`) and the reason of its cap. Whoever has too few known outcomes opens no pull
request, whatever it claims; with enough of them it is no surer than it was right.
"""

import math
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.claims import CAPS
from premortem.domain.outcomes import ProposedCause, outcome
from premortem.domain.timeline import RootCauseProposed


class Tally(Struct, frozen=True):
    """Causes whose outcome is known, and how many of them were right."""

    right: int
    cases: int

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.right + other.right, self.cases + other.cases)


NONE = Tally(0, 0)

_TIME_ALONE, _ONLY_ONE, _WROTE_LINE = CAPS[4][0], CAPS[6][0], CAPS[7][0]
BENCHMARK: dict[tuple[str, str], Tally] = {
    ("rules 1", _TIME_ALONE): Tally(5, 5),
    ("rules 1", _ONLY_ONE): Tally(12, 12),
    ("rules 1", _WROTE_LINE): Tally(6, 6),
}
"""What the product's own benchmark came to, by kind: 23 repositories with a known bug, the suspect change right or not.
`python -m benchmarks.agents` prints them anew, and says where they are others. Rules of another version, and models,
begin with nothing.
"""


def tally(causes: Iterable[ProposedCause], decided_by: str, reason: str) -> Tally:
    """Return how many causes of this kind have a known outcome, and how many were right."""
    known = [outcome(cause) for cause in causes if (cause.decided_by, cause.reason) == (decided_by, reason)]
    return Tally(known.count("right"), len(known) - known.count(""))


def lent(decided_by: str, reason: str, least_cases: int) -> Tally:
    """Return what the benchmark lends a kind: at most `least_cases` cases, enough to begin with and few enough to be
    outvoted by an installation's own; what is right of them is rounded down.
    """
    printed = BENCHMARK.get((decided_by, reason), NONE)
    if printed.cases <= least_cases:
        return printed
    return Tally(printed.right * least_cases // printed.cases, least_cases)


def calibrated(claimed: float, observed: Tally, least_cases: int) -> float:
    """Return the confidence that counts: the lower of what is claimed and what was observed, the latter rounded to
    0.01; what is claimed where there are too few cases to tell.
    """
    if observed.cases < least_cases or not observed.cases:
        return claimed
    return min(claimed, round(observed.right / observed.cases, 2))


def weighed(
    cause: RootCauseProposed, decided_by: str, others: Iterable[ProposedCause], least_cases: int
) -> RootCauseProposed:
    """Return a cause as claimed, with what became of `others` like it and the confidence that is left of its claim."""
    borrowed = lent(decided_by, cause.cap_reason, least_cases)
    observed = tally(others, decided_by, cause.cap_reason) + borrowed
    return replace(
        cause,
        decided_by=decided_by,
        claimed=cause.confidence,
        confidence=calibrated(cause.confidence, observed, least_cases),
        observed_right=observed.right,
        observed_cases=observed.cases,
        benchmark_cases=borrowed.cases,
        least_cases=least_cases,
    )


def held_back(cause: RootCauseProposed, fix_confidence: float) -> str:
    """Return why a cause that claims enough for a fix gets none, because of others; empty = nothing holds it back."""
    return shut(cause, fix_confidence) if cause.decided_by and cause.claimed >= fix_confidence else ""


def shut(cause: RootCauseProposed, fix_confidence: float) -> str:
    """Return why a cause gets no fix, as half a sentence; empty = it gets one.

    One of a time when nobody asked for outcomes is judged by what it claims, as it was then.
    """
    if cause.verdict not in ("confirmed", "probable"):
        return "no cause is claimed"
    if not cause.decided_by:
        return "" if cause.confidence >= fix_confidence else _below(cause.confidence, fix_confidence)
    if cause.claimed < fix_confidence:
        return _below(cause.claimed, fix_confidence)
    if cause.observed_cases < cause.least_cases:
        return (
            f"the outcome of {cause.observed_cases} earlier causes like it is known, {cause.least_cases} are needed "
            f"({cause.decided_by}: {cause.cap_reason})"
        )
    if cause.confidence < fix_confidence:
        return (
            f"{cause.observed_right} of {cause.observed_cases} earlier causes like it proved right, "
            f"{fix_confidence:.2f} of them are needed ({cause.decided_by}: {cause.cap_reason})"
        )
    return ""


def _below(confidence: float, fix_confidence: float) -> str:
    return f"its confidence {confidence:.2f} is below {fix_confidence:.2f}"


# ------------------------------------------------------------------------------------------------------ the report
class Band(Struct, frozen=True, kw_only=True):
    """Causes that claimed about the same, and how many of those with a known outcome were right."""

    decided_by: str
    name: str
    """The band of claimed confidence, or the reason of the cap."""
    known: Tally
    unknown: int
    claimed: float
    """The mean claim of those with a known outcome, rounded to 0.01; 0 where there is none."""
    low: float
    high: float
    """Bounds of the 95 % interval of the share that is right (`wilson`), rounded to 0.01."""


class Report(Struct, frozen=True, kw_only=True):
    """Claimed against observed, for one decider."""

    decided_by: str
    known: Tally
    unknown: int
    brier: float | None
    """Mean squared distance of what was claimed from what proved right (1 or 0), after Brier, "Verification of
    forecasts expressed in terms of probability", 1950: 0 is perfect, 0.25 is what always claiming 0.5 comes to. None =
    no outcome is known. Rounded to 0.001.
    """
    bands: tuple[Band, ...]
    reasons: tuple[Band, ...]


def report(causes: Iterable[ProposedCause]) -> tuple[Report, ...]:
    """Return claimed against observed confidence of every decider, in order of name."""
    by_decider: dict[str, list[ProposedCause]] = {}
    for cause in causes:
        if cause.claims:
            by_decider.setdefault(cause.decided_by, []).append(cause)
    return tuple(_report(name, by_decider[name]) for name in sorted(by_decider))


def wilson(known: Tally) -> tuple[float, float]:
    """Return the 95 % score interval of a share, after Wilson, "Probable inference, the law of succession, and
    statistical inference", 1927; (0, 1) for no cases.
    """
    if not known.cases:
        return 0.0, 1.0
    z, n, share = 1.959963984540054, known.cases, known.right / known.cases
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return max(0.0, low), min(1.0, high)


def _report(decided_by: str, causes: list[ProposedCause]) -> Report:
    bands: dict[str, list[ProposedCause]] = {}
    reasons: dict[str, list[ProposedCause]] = {}
    for cause in sorted(causes, key=lambda each: (each.claimed, each.reason)):
        bands.setdefault(_band(cause.claimed), []).append(cause)
        reasons.setdefault(cause.reason, []).append(cause)
    known, unknown = _known(causes)
    missed = [(cause.claimed - (outcome(cause) == "right")) ** 2 for cause in causes if outcome(cause)]
    return Report(
        decided_by=decided_by,
        known=known,
        unknown=unknown,
        brier=round(math.fsum(missed) / len(missed), 3) if missed else None,
        bands=tuple(_banded(decided_by, name, found) for name, found in bands.items()),
        reasons=tuple(_banded(decided_by, name, found) for name, found in reasons.items()),
    )


def _band(claimed: float) -> str:
    """Return the tenth that a confidence lies in; the last one holds 1, too."""
    tenth = min(round(claimed * 100) // 10, 9)
    return f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}"


def _banded(decided_by: str, name: str, causes: list[ProposedCause]) -> Band:
    known, unknown = _known(causes)
    claims = [cause.claimed for cause in causes if outcome(cause)]
    low, high = wilson(known)
    return Band(
        decided_by=decided_by,
        name=name,
        known=known,
        unknown=unknown,
        claimed=round(math.fsum(claims) / len(claims), 2) if claims else 0.0,
        low=round(low, 2),
        high=round(high, 2),
    )


def _known(causes: list[ProposedCause]) -> tuple[Tally, int]:
    said = [outcome(cause) for cause in causes]
    return Tally(said.count("right"), len(said) - said.count("")), said.count("")
