"""How soon a slow ramp is told, and how often one is told where there is none: `Ramp` beside a moving ceiling.

    python -m benchmarks.slow_ramp [--keys 140]

The ceiling is Sentry's escalating rule as published (getsentry/sentry, escalating_issues_alg.py, the standard version):
an hour's count against a limit made of the last 168 hours. Days are spread over their hours for it. All series are
drawn anew for each case from one seed; a stable time of four weeks comes before every ramp.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.ramp import Ramp

Counts = NDArray[np.int64]
Series = Callable[[np.random.Generator, int], Counts]
"""Of a first day: the events of that day and of those that follow."""
START = 20_000
WARM = 28
_MONTH = 30
_SILENT_DAYS = 120
_MOST_GROWTH = 200.0


def told_days(counts: Sequence[int], first_day: int) -> list[int]:
    """Return the days, from 0, at whose end a ramp was told."""
    ramp, told = Ramp(first_day), []
    for n, count in enumerate(counts):
        if ramp.close(first_day + n) and ramp.judge(DEFAULT) is not None:
            ramp.tell()
            told.append(n - 1)
        if count:
            ramp.add(first_day + n, int(count))
    return told


def ceiling_days(counts: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Return the days in which an hour exceeded Sentry's limit for that day, the first of each run of days."""
    hours = np.array([rng.multinomial(count, [1 / 24] * 24) for count in counts])
    found: list[int] = []
    over = False
    for day in range(7, len(counts)):
        week = hours[day - 7 : day].ravel().astype(float)
        seen = week[week > 0]
        if len(seen) < 2:
            continue
        was, over = over, bool(hours[day].max() > _limit(seen))
        if over and not was:
            found.append(day)
    return found


def _limit(hours: NDArray[np.float64]) -> float:
    """Return the most events an hour may hold, after hours with these events (empty ones are left out, as there)."""
    if len(hours) < 168:
        return float(hours.max() * 10)
    mean, deviation = float(hours.mean()), float(hours.std(ddof=1))
    highest = float(hours.max()) * min(max(2.0, 5 * math.exp(-0.65 * deviation / mean)), 5.0)
    return max(highest, mean + mean * min(max((mean + 5 * deviation) / mean, 5.0), 8.0))


# ---------------------------------------------------------------------------------------------------- series
def drawn(rng: np.random.Generator, mean: NDArray[np.float64], phi: float) -> Counts:
    """Return counts with these means and variance phi x mean."""
    return rng.poisson(rng.gamma(np.maximum(mean, 1e-9) / (phi - 1), phi - 1))


def week(first_day: int, days: int, weekend: float) -> NDArray[np.float64]:
    """Return a factor per day: 1 from Monday to Friday, `weekend` on the other two."""
    return np.where((np.arange(days) + first_day + 3) % 7 >= 5, weekend, 1.0)


def wander(rng: np.random.Generator, days: int, deviation: float, memory_days: float) -> NDArray[np.float64]:
    """Return a factor per day whose logarithm wanders (first-order autoregressive), with mean 1."""
    rho = math.exp(-1 / memory_days)
    x, path = deviation * rng.standard_normal(), []
    for _ in range(days):
        path.append(x)
        x = rho * x + math.sqrt(1 - rho * rho) * deviation * rng.standard_normal()
    return np.exp(np.array(path) - deviation * deviation / 2)


def ramping(start: float, growth: float) -> Series:
    """Return a series that is stable for four weeks, then grows by `growth` a day to 200 times its start."""

    def series(rng: np.random.Generator, first_day: int) -> Counts:
        days = WARM + _MONTH
        grown = np.exp(np.clip(np.arange(days) - WARM + 1, 0, None) * math.log(growth))
        mean = start * week(first_day, days, 0.5) * wander(rng, days, 0.15, 1.0) * np.minimum(grown, _MOST_GROWTH)
        return drawn(rng, mean, 2.0)

    return series


def stable(a_day: float, weekend: float = 1.0, deviation: float = 0.0, memory: float = 1.0, phi: float = 2.0) -> Series:
    """Return a series that goes nowhere."""

    def series(rng: np.random.Generator, first_day: int) -> Counts:
        factor = week(first_day, _SILENT_DAYS, weekend) * wander(rng, _SILENT_DAYS, deviation, memory)
        return drawn(rng, a_day * factor, phi)

    return series


def growing(a_day: float, growth: float) -> Series:
    """Return a series that grows as a good product does."""

    def series(rng: np.random.Generator, first_day: int) -> Counts:
        grown = np.exp(np.arange(_SILENT_DAYS) * math.log(growth))
        return drawn(rng, a_day * week(first_day, _SILENT_DAYS, 0.5) * wander(rng, _SILENT_DAYS, 0.14, 0.25) * grown, 2)

    return series


def bursting(a_day: float) -> Series:
    """Return a stable series with a burst of 3 to 50 times a day's events about every ninth day."""
    quiet = stable(a_day, 0.5, 0.14, 0.25)

    def series(rng: np.random.Generator, first_day: int) -> Counts:
        counts = quiet(rng, first_day)
        for day in range(10, _SILENT_DAYS - 3, 9):
            counts[day + rng.integers(0, 3)] += int(a_day * rng.integers(3, 50))
        return counts

    return series


def step(a_day: float, height: float) -> Series:
    """Return a series that is at another level from day 42 on."""

    def series(rng: np.random.Generator, first_day: int) -> Counts:
        level = np.where(np.arange(_SILENT_DAYS) >= 42, height, 1.0)
        return drawn(
            rng, a_day * level * week(first_day, _SILENT_DAYS, 0.5) * wander(rng, _SILENT_DAYS, 0.14, 0.25), 2.0
        )

    return series


RAMPS = {(start, growth): ramping(start, growth) for growth in (1.17, 1.10, 1.30) for start in (5, 50, 500)}
SILENT: dict[str, Series] = {
    **{f"weekend x{f}, {r} a day": stable(r, f, 0.1) for f in (0.2, 0.5, 1.5) for r in (5, 50, 5_000)},
    **{f"wander 0.2 for 6 h, {r} a day": stable(r, 0.5, 0.2, 0.25) for r in (5, 50, 5_000)},
    **{f"wander 0.2 for a day, {r} a day": stable(r, 0.5, 0.2, 1.0) for r in (5, 50, 5_000)},
    **{f"wander 0.2 for 7 days, {r} a day": stable(r, 0.5, 0.2, 7.0) for r in (5, 50, 5_000)},
    **{f"phi 5, {r} an hour": stable(24 * r, phi=5.0) for r in (0.02, 0.2, 1, 5, 30, 200, 2_000)},
    "1 % more a day, 100 a day": growing(100, 1.01),
    "bursts of one day, 5 a day": bursting(5),
    "bursts of one day, 100 a day": bursting(100),
}
STEPS = {f"step to x{height:g}": step(50, height) for height in (1.5, 2, 4, 10)}


def _all(series: Series, keys: int) -> Iterable[tuple[Counts, int, np.random.Generator]]:
    """Yield series that begin on every day of the week."""
    rng = np.random.default_rng(11)
    for key in range(keys):
        yield series(rng, START + key % 7), START + key % 7, rng


def print_ramps(keys: int) -> None:
    """Print on which day of the ramp it was told."""
    print("Day of the ramp at whose end it is told: median, nine in ten; told in the first week | moving ceiling")
    for (start, growth), series in RAMPS.items():
        ours, theirs = [], []
        for counts, first_day, rng in _all(series, keys):
            ours.append(_first(told_days(counts, first_day)))
            theirs.append(_first(ceiling_days(counts, rng)))
        print(f"  {start:>3} a day x{growth:.2f}  {_figures(ours)} | {_figures(theirs)}", flush=True)


def _first(days: list[int]) -> float:
    return next((day - WARM + 1 for day in days if day >= WARM), math.inf)


def _figures(days: list[float]) -> str:
    ordered = sorted(days)
    shown = [ordered[len(ordered) // 2], ordered[9 * len(ordered) // 10]]
    text = " ".join("  never" if math.isinf(day) else f"{day:7.0f}" for day in shown)
    return f"{text}  {sum(day <= 7 for day in days) / len(days):5.0%}"


def print_silent(keys: int) -> None:
    """Print how often a ramp is told where there is none."""
    print("False alerts per key-day | moving ceiling")
    for name, series in SILENT.items():
        ours = theirs = 0
        for counts, first_day, rng in _all(series, keys):
            ours += len(told_days(counts, first_day))
            theirs += len(ceiling_days(counts, rng))
        key_days = keys * (_SILENT_DAYS - 10)
        print(f"  {name:32} {ours / key_days:.5f} | {theirs / key_days:.5f}", flush=True)
    print("A step that stays: keys of which it is told never, once, more often")
    for name, series in STEPS.items():
        times = [min(2, len(told_days(counts, first_day))) for counts, first_day, _ in _all(series, keys)]
        print(f"  {name:32} {' '.join(str(times.count(n)) for n in range(3))}", flush=True)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=140, help="series per case")
    keys = parser.parse_args().keys
    print_ramps(keys)
    print_silent(keys)


if __name__ == "__main__":
    main()
