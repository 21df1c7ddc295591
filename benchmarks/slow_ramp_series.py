"""Made-up errors, counted by quarters of a day, for the bench of slow ramps: some that grow, and some that do not."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Means = NDArray[np.float64]
Series = Callable[[np.random.Generator, int], Counts]
"""Of a first quarter since 1970 UTC: the events of that quarter and of those that follow."""
SILENT_DAYS = 120
AFTER_DAYS = 11
"""Days of a ramp that are looked at."""
RAMP_DAYS = 30
GOAL = 10_000.0
"""Events a day at the end of these days."""
_HOURS = np.array([0.1, 0.225, 0.375, 0.3])
"""Of a day's events, the share of each quarter, before it is turned to a zone of its own."""


class Noise(NamedTuple):
    """How counts differ from a level: by lumps, by the week, and by a level that wanders."""

    phi: float
    """Variance over mean; 1 = Poisson."""
    weekend: float
    """Times the level of a weekday."""
    deviation: float
    """Of the logarithm of the level, first-order autoregressive."""
    memory_days: float


_CALM = Noise(2.0, 0.5, 0.14, 0.25)
NOISES = {
    "Poisson": Noise(1.0, 1.0, 0.0, 1.0),
    "Poisson, weekends at half": Noise(1.0, 0.5, 0.0, 1.0),
    "phi 2, weekends at half, wander of 15 %": Noise(2.0, 0.5, 0.15, 1.0),
}


def growth(start: float) -> float:
    """Return by how many times a day a level of `start` a day grows to reach 10,000 in 30 days."""
    return math.exp(math.log(GOAL / start) / RAMP_DAYS)


def drawn(rng: np.random.Generator, mean: Means, phi: float) -> Counts:
    """Return counts with these means and variance phi x mean."""
    return rng.poisson(mean if phi <= 1 else rng.gamma(np.maximum(mean, 1e-9) / (phi - 1), phi - 1))


def week(first: int, quarters: int, weekend: float) -> Means:
    """Return a factor per quarter: 1 from Monday to Friday, `weekend` on the other two days."""
    return np.where(((np.arange(quarters) + first) // 4 + 3) % 7 >= 5, weekend, 1.0)


def wander(rng: np.random.Generator, quarters: int, noise: Noise) -> Means:
    """Return a factor per quarter whose logarithm wanders, with mean 1."""
    rho, deviation = math.exp(-0.25 / noise.memory_days), noise.deviation
    x, path = deviation * rng.standard_normal(), np.empty(quarters)
    for n, step in enumerate(rng.standard_normal(quarters) * math.sqrt(1 - rho * rho) * deviation):
        path[n] = x
        x = rho * x + step
    return np.exp(path - deviation * deviation / 2)


def level(rng: np.random.Generator, first: int, quarters: int, a_day: float, noise: Noise) -> Means:
    """Return what each quarter should hold: the hour of the day, the week, a level that wanders."""
    hours = np.roll(_HOURS, rng.integers(4))[(np.arange(quarters) + first) % 4]
    steady = a_day * hours * week(first, quarters, noise.weekend)
    return steady * wander(rng, quarters, noise) if noise.deviation else steady


def grown(quarters: int, onset: int, times_a_day: float) -> Means:
    """Return the mean factor of each quarter of a level that begins to grow at the start of quarter `onset`."""
    rate = math.log(times_a_day) / 4
    since = np.clip(np.arange(quarters) - onset, -1, RAMP_DAYS * 4)
    return np.where(since < 0, 1.0, np.exp(rate * since) * math.expm1(rate) / rate)


def ramping(start: float, known_days: int, noise: Noise, times_a_day: float | None = None) -> Series:
    """Return a series of an error that is known for so long, and then grows to 10,000 a day over a month."""

    def series(rng: np.random.Generator, first: int) -> Counts:
        quarters = (known_days + AFTER_DAYS) * 4
        factor = grown(quarters, known_days * 4, times_a_day or growth(start))
        return drawn(rng, level(rng, first, quarters, start, noise) * factor, noise.phi)

    return series


def stable(a_day: float, noise: Noise) -> Series:
    """Return a series that goes nowhere."""
    return changing(a_day, noise, np.ones(SILENT_DAYS * 4))


def changing(a_day: float, noise: Noise, factor: Means) -> Series:
    """Return a series whose level is multiplied by `factor` quarter by quarter."""

    def series(rng: np.random.Generator, first: int) -> Counts:
        return drawn(rng, level(rng, first, len(factor), a_day, noise) * factor, noise.phi)

    return series


def bursting(a_day: float, quarters: int) -> Series:
    """Return a stable series with a burst of 3 to 50 times a day's events about every ninth day."""
    quiet = stable(a_day, _CALM)

    def series(rng: np.random.Generator, first: int) -> Counts:
        counts = quiet(rng, first)
        for day in range(10, SILENT_DAYS - 3, 9):
            at = 4 * day + rng.integers(0, 12)
            counts[at : at + quarters] += int(a_day * rng.integers(3, 50) / quarters)
        return counts

    return series


def spiky(a_day: float) -> Series:
    """Return a stable series with a burst on every seventh day, by chance, of any size and up to a day long."""
    quiet = stable(a_day, _CALM)

    def series(rng: np.random.Generator, first: int) -> Counts:
        counts = quiet(rng, first)
        for day in range(SILENT_DAYS):
            if rng.random() < 0.15:
                at = 4 * day + rng.integers(4)
                counts[at : at + rng.integers(1, 5)] += int(a_day * np.exp(rng.normal(0.7, 1.0)))
        return counts

    return series


def monthly(a_day: float, times: int) -> Series:
    """Return a stable series with three days of every month that hold more."""
    quiet = stable(a_day, _CALM)

    def series(rng: np.random.Generator, first: int) -> Counts:
        counts = quiet(rng, first)
        for day in range(rng.integers(30), SILENT_DAYS - 3, 30):
            counts[4 * day : 4 * day + 12] *= times
        return counts

    return series


def lumpy(a_day: float) -> Series:
    """Return a series of an error that comes in lumps of 1 to hundreds: retry loops, batches, one user's bad day."""
    spread, median = 1.2, 4.0
    size = median * math.exp(spread * spread / 2)

    def series(rng: np.random.Generator, first: int) -> Counts:
        lumps = drawn(rng, level(rng, first, SILENT_DAYS * 4, a_day / size, Noise(1.0, 0.7, 0.0, 1.0)), 1.0)
        sizes = [np.exp(math.log(median) + spread * rng.standard_normal(n)).sum() for n in lumps]
        return np.ceil(sizes).astype(np.int64)

    return series


def job(a_run: float, days_of_week: Sequence[int] = range(7), fails: float = 1.0, spread: float = 0.0) -> Series:
    """Return a series of a job that fails on some days at the same hour, with so many events, give or take."""

    def series(rng: np.random.Generator, first: int) -> Counts:
        at = np.arange(SILENT_DAYS * 4) + first
        runs = (at % 4 == rng.integers(4)) & np.isin((at // 4 + 3) % 7, days_of_week) & (rng.random(len(at)) < fails)
        return drawn(rng, a_run * runs * np.exp(spread * rng.standard_normal(len(at))), 1.3)

    return series


def beside(one: Series, other: Series) -> Series:
    """Return a series that is both."""
    return lambda rng, first: one(rng, first) + other(rng, first)


_DAYS = np.arange(SILENT_DAYS * 4) / 4
SILENT: dict[str, Series] = {
    **{f"Poisson, {r} a day": stable(r, Noise(1.0, 1.0, 0.0, 1.0)) for r in (1, 5, 50)},
    **{
        f"phi 2, weekend x{f}, {r} a day": stable(r, Noise(2.0, f, 0.1, 1.0))
        for f in (0.2, 0.5, 1.5)
        for r in (5, 50, 5_000)
    },
    **{f"wander 0.2 for 6 h, {r} a day": stable(r, Noise(2.0, 0.5, 0.2, 0.25)) for r in (5, 50, 5_000)},
    **{f"wander 0.2 for a day, {r} a day": stable(r, Noise(2.0, 0.5, 0.2, 1.0)) for r in (5, 50, 5_000)},
    **{f"wander 0.2 for 7 days, {r} a day": stable(r, Noise(2.0, 0.5, 0.2, 7.0)) for r in (5, 50, 5_000)},
    **{f"phi 5, {r:g} a day": stable(r, Noise(5.0, 1.0, 0.0, 1.0)) for r in (1, 5, 24, 120, 5_000)},
    **{f"lumps of 1 to hundreds, {r} a day": lumpy(r) for r in (2, 10, 60)},
    **{f"bursts of 6 hours, {r} a day": bursting(r, 1) for r in (5, 100)},
    "bursts of 24 hours, 100 a day": bursting(100, 4),
    "bursts of 24 hours, 5 a day": bursting(5, 4),
    **{f"bursts on one day in 7, {r} a day": spiky(r) for r in (5, 50)},
    "three days of a month x5, 50 a day": monthly(50, 5),
    "wander 0.3 for a day, 50 a day": stable(50, Noise(2.0, 0.5, 0.3, 1.0)),
    "phi 20, 50 a day": stable(50, Noise(20.0, 1.0, 0.0, 1.0)),
    "a job each night, 20 a run": job(20),
    "a job each night, 500 a run, over 50 a day": beside(job(500), stable(50, _CALM)),
    "a job on weekdays, 20 a run": job(20, range(5)),
    "a job on Mondays, 60 a run": job(60, [0]),
    "a job on weekends, 60 a run": job(60, [5, 6]),
    "a job, one night in 2, of any size": job(20, fails=0.5, spread=0.8),
    "a job, one night in 5, of any size": job(20, fails=0.2, spread=0.8),
    "weekdays alone, 20 a day": stable(20, Noise(1.5, 0.02, 0.1, 1.0)),
    "weekdays alone, 500 a day": stable(500, Noise(2.0, 0.02, 0.1, 1.0)),
    "weekend x4, 50 a day": stable(50, Noise(2.0, 4.0, 0.1, 1.0)),
    "3 % a day up, then down, each 10 days": changing(50, _CALM, np.exp(0.03 * np.abs((_DAYS / 10) % 2 - 1) * 10)),
    "1 % more a day, 100 a day": changing(100, _CALM, np.exp(_DAYS * math.log(1.01))),
}
STEPS = {
    f"step to x{height:g}, 50 a day": changing(50, _CALM, np.where(_DAYS >= 42, height, 1.0))
    for height in (1.5, 2, 4, 10)
}
CREEPS = {
    f"{more:.0%} more a day, {r} a day": changing(r, _CALM, np.exp(np.clip(_DAYS - 28, 0, None) * math.log1p(more)))
    for more in (0.03, 0.05, 0.1)
    for r in (50, 500)
}
