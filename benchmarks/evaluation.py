"""How often a verdict on a deploy is wrong: false and missed ones, beside a plain Poisson test looked at every time.

    python -m benchmarks.evaluation [--keys 60]

Each key is an error that came on at some time before the deploy, by its own law, in an environment with daily and
weekly seasons; the time after the deploy is drawn by the same law with the rate times a factor. Looks are taken as the
verdicts ask for them, over a week. Everything is drawn from one seed.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from premortem.domain.evaluation import Observed, Slot, Verdict, decide
from premortem.domain.evaluation.rates import fewer
from premortem.domain.timeline import Comparison

Rates = NDArray[np.float64]
Counts = NDArray[np.int64]
MINUTE = 60_000
MONDAY = 1_795_392_000_000
_WEEK_SLOTS = 1_008
_SESSIONS, _OTHERS = 40.0, 0.7
"""Sessions and events of other errors in ten minutes of a working day's noon."""


def poisson(rng: np.random.Generator, mean: Rates) -> Counts:
    """Return independent events."""
    return rng.poisson(mean)


def overdispersed(rng: np.random.Generator, mean: Rates) -> Counts:
    """Return counts of ten minutes with variance five times the mean."""
    return rng.poisson(rng.gamma(np.maximum(mean, 1e-9) / 4, 4))


def clusters(rng: np.random.Generator, mean: Rates) -> Counts:
    """Return events that come twenty at a time on average: retries, one user who tries again."""
    bursts = rng.poisson(mean / 20)
    return np.array([rng.geometric(1 / 20, n).sum() if n else 0 for n in bursts], dtype=np.int64)


def wandering(rng: np.random.Generator, mean: Rates) -> Counts:
    """Return events of a rate that wanders by 40 % with a memory of six hours."""
    steps = rng.normal(0, 0.4 * np.sqrt(1 - np.exp(-2 / 36)), len(mean))
    level = np.zeros(len(mean))
    level[0] = rng.normal(0, 0.4)
    for n in range(1, len(mean)):
        level[n] = level[n - 1] * np.exp(-1 / 36) + steps[n]
    return rng.poisson(mean * np.exp(level))


def nightly(rng: np.random.Generator, mean: Rates) -> Counts:
    """Return the day's events in one slot, that of a job at three in the morning."""
    found = np.zeros(len(mean), dtype=np.int64)
    job = np.arange(len(mean)) % 144 == 18
    found[job] = rng.poisson(mean[job] * 144)
    return found


LAWS: dict[str, Callable[[np.random.Generator, Rates], Counts]] = {
    "poisson": poisson,
    "phi 5": overdispersed,
    "clusters of 20": clusters,
    "wander 40 %": wandering,
    "nightly job": nightly,
}


class Case(Struct, frozen=True):
    """A kind of key."""

    law: str
    per_hour: float
    hours_before: float
    traffic: str
    """`sessions`, `others` = no sessions but events of other errors, `silent` = neither tells of traffic."""


def season(slots: NDArray[np.int64]) -> Rates:
    """Return traffic by slot of the week: a day's swing of factor six, weekends at a third."""
    hour = slots % 144 / 6
    day = slots // 144 % 7
    return np.asarray((0.2 + 0.8 * (1 + np.cos((hour - 13) / 24 * 2 * np.pi)) / 2) * np.where(day >= 5, 0.33, 1.0))


def drawn(rng: np.random.Generator, case: Case, factor: float) -> tuple[int, int, list[Slot]]:
    """Return the slot of the deploy, how many there are before it, and all slots."""
    before = max(1, round(case.hours_before * 6))
    first = int(rng.integers(_WEEK_SLOTS))
    slots = np.arange(first, first + before + _WEEK_SLOTS)
    traffic = season(slots)
    events = LAWS[case.law](rng, case.per_hour / 6 * traffic * np.where(slots < first + before, 1.0, factor))
    sessions = rng.poisson(_SESSIONS * traffic) if case.traffic == "sessions" else np.zeros(len(slots), np.int64)
    others = rng.poisson(_OTHERS * traffic) if case.traffic == "others" else np.zeros(len(slots), np.int64)
    return first, before, [Slot(int(e), int(s), int(o)) for e, s, o in zip(events, sessions, others, strict=True)]


def final(slots: Sequence[Slot], before: int, silent: bool) -> tuple[Verdict, float]:
    """Return the last verdict and the hours after the deploy at which it was given."""
    told: list[Comparison] = []
    at = MONDAY + 30 * MINUTE
    while True:
        after = list(slots[before : before + (at - MONDAY) // (10 * MINUTE)])
        if silent and after:
            after[-1] = Slot(after[-1].events, 0, 1)
        observed = Observed(width=10 * MINUTE, before=tuple(slots[:before]), after=tuple(after))
        verdict = decide(observed, MONDAY, at, told)
        if verdict.look_again_at is None:
            return verdict, (at - MONDAY) / 3_600_000
        told.append(verdict.comparisons[0])
        at = verdict.look_again_at


def plainly(slots: Sequence[Slot], before: int) -> bool:
    """Tell whether a plain Poisson test at 0.05, after 30 minutes and each time that has doubled, sees a fall."""
    events = sum(slot.events for slot in slots[:before])
    count = 3
    while count <= _WEEK_SLOTS:
        after = sum(slot.events for slot in slots[before : before + count])
        if fewer(events, before, after, count) <= 0.05:
            return True
        count *= 2
    return False


CASES = [
    *(Case(law, rate, 24 * 3, "sessions") for law in LAWS for rate in (0.5, 5.0, 100.0)),
    *(Case(law, 20.0, hours, "sessions") for law in LAWS for hours in (2.0, 24.0 * 21)),
    *(
        Case(law, 20.0, hours, traffic)
        for law in LAWS
        for traffic in ("others", "silent")
        for hours in (8.0, 24.0 * 15)
    ),
]


def main() -> None:
    """Print a line for each kind of key."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=60)
    keys = parser.parse_args().keys
    rng = np.random.default_rng(20261125)
    print("share of keys; E effective, I ineffective, H harmful, ? inconclusive after a week; hours to E, median")
    head = "law               per hour  before h  traffic   "
    print(f"{head}| unchanged: E  I  H  ?   plain test | a tenth: E  I  H  ?  hours | a third: E I | x3: H  E")
    worst = 0.0
    for case in CASES:
        counts: dict[float, Counter[str]] = {}
        hours, plain = [], 0
        for factor in (1.0, 0.1, 0.33, 3.0):
            counts[factor] = Counter()
            for _ in range(keys):
                _, before, slots = drawn(rng, case, factor)
                verdict, after = final(slots, before, case.traffic == "silent")
                counts[factor][verdict.effect] += 1
                if factor == 0.1 and verdict.effect == "effective":
                    hours.append(after)
                if factor == 1.0:
                    plain += plainly(slots, before)
        worst = max(worst, counts[1.0]["effective"] / keys)
        print(_line(case, counts, keys, hours, plain))
    print(f"worst share of false effective verdicts: {worst:.3f}")


def _line(case: Case, counts: dict[float, Counter[str]], keys: int, hours: list[float], plain: int) -> str:
    def share(factor: float, words: str = "EIH?") -> str:
        names = {"E": "effective", "I": "ineffective", "H": "harmful", "?": "inconclusive"}
        return " ".join(f"{counts[factor][names[word]] / keys:.2f}" for word in words)

    middle = f"{float(np.median(hours)):5.1f}" if hours else "    -"
    what = f"{case.law:16}{case.per_hour:9.1f} {case.hours_before:9.0f}  {case.traffic:9}"
    return (
        f"{what}| {share(1.0)}   {plain / keys:.2f} | {share(0.1)} {middle} | {share(0.33, 'EI')} | {share(3.0, 'HE')}"
    )


if __name__ == "__main__":
    main()
