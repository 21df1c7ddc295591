"""What a slow ramp is measured against: the sums of dates that stood here before, Sentry's ceiling, and an oracle.

The ceiling is Sentry's escalating rule as published (getsentry/sentry, escalating_issues_alg.py, the standard version):
an hour's count against a limit made of the last 168 hours. The oracle is the most powerful test there is (Neyman and
Pearson): it knows the level, the season, the dispersion, the slope and the onset.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.slow_ramp_series import Counts, Noise, drawn, growth, wander
from premortem.domain.detection.tail import rarity

_WEEK, _SILENCE = 7, 14


# ------------------------------------------------------------------------------------------------ sums of dates
def dates_told(counts: Sequence[int], first: int, since: int = 0) -> list[int]:
    """Return the quarters in which the former rule spoke, from quarter `since` on, with two weeks between them.

    When a date (UTC) was over, the sums of the newest 3, 5 and 7 were compared with up to 21 dates that were at least
    7, or 14, older.
    """
    start = first % 4
    dates = [sum(counts[max(0, n - start) : max(0, n - start + 4)]) for n in range(0, len(counts) + start, 4)]
    told: list[int] = []
    for date in range(max(11, (since + start) // 4), len(dates)):
        at = date * 4 - start
        at += next((n for n, count in enumerate(counts[at:]) if count), len(counts))
        if at < len(counts) and (not told or at - told[-1] > 4 * _SILENCE) and _date_fires(dates, first // 4, date):
            told.append(at)
    return told


def _date_fires(dates: Sequence[int], first: int, date: int) -> bool:
    known = min(date - 1, 28)
    for lag in (7, 14):
        age = min(lag, known - _WEEK)
        if age < 3 or (lag > 7 and age < lag):
            break
        chosen = range(date - known, date - age)[-21:]
        weekday, weekend, phi, total = _dates_baseline([(first + n, dates[n]) for n in chosen])
        for length in (3, 5, 7):
            means = [weekend if _is_weekend(first + n) else weekday for n in range(date - length, date)]
            if length <= age and _window_fires(dates[date - length : date], means, phi, total):
                return True
    return False


def _window_fires(counts: Sequence[int], means: Sequence[float], phi: float, total: float) -> bool:
    second = sorted(count / mean for count, mean in zip(counts, means))[-2]
    capped = [min(count, math.ceil(1.5 * second * mean)) for count, mean in zip(counts, means)]
    observed, expected = sum(capped), math.fsum(means)
    high = sum(count > 1.25 * mean for count, mean in zip(counts, means))
    if observed < 1.6 * expected or high < 0.75 * len(counts) or observed < 40:
        return False
    noise = phi * expected * (1 + expected / total) + 0.02 * expected * expected
    return round(rarity(observed, expected, noise), 6) >= 4


def _dates_baseline(dates: Sequence[tuple[int, int]]) -> tuple[float, float, float, float]:
    n = len(dates)
    cap = 2 * sorted(count for _, count in dates)[3 * n // 4] + 4
    of_week = [min(count, cap) for day, count in dates if not _is_weekend(day)]
    of_weekend = [min(count, cap) for day, count in dates if _is_weekend(day)]
    weekday = (sum(of_week) + 0.5) / len(of_week)
    weekend = weekday * (sum(of_weekend) + 12) / (weekday * len(of_weekend) + 12)
    total = weekday * len(of_week) + weekend * len(of_weekend)
    squares = sum((x - weekday) ** 2 for x in of_week) + sum((x - weekend) ** 2 for x in of_weekend)
    weight = 7 * total / n
    phi = (squares * n / (n - 2) + weight * (4 + 0.02 * total / n)) / (total + weight)
    return weekday, weekend, max(1.0, phi), total


def _is_weekend(day: int) -> bool:
    return (day + 3) % 7 >= 5


# ---------------------------------------------------------------------------------------------- a moving ceiling
def ceiling_told(counts: Counts, rng: np.random.Generator) -> list[int]:
    """Return the quarters in which an hour exceeded Sentry's limit for that day, the first of each run of days."""
    hours = rng.multinomial(counts, [1 / 6] * 6).ravel()
    found: list[int] = []
    over = False
    for day in range(7, len(hours) // 24):
        before = hours[(day - 7) * 24 : day * 24].astype(float)
        seen = before[before > 0]
        if len(seen) < 2:
            continue
        was, over = over, bool(hours[day * 24 : day * 24 + 24].max() > _limit(seen))
        if over and not was:
            found.append(day * 4)
    return found


def _limit(hours: NDArray[np.float64]) -> float:
    """Return the most events an hour may hold, after hours with these events (empty ones are left out, as there)."""
    if len(hours) < 168:
        return float(hours.max() * 10)
    mean, deviation = float(hours.mean()), float(hours.std(ddof=1))
    highest = float(hours.max()) * min(max(2.0, 5 * math.exp(-0.65 * deviation / mean)), 5.0)
    return max(highest, mean + mean * min(max((mean + 5 * deviation) / mean, 5.0), 8.0))


# --------------------------------------------------------------------------------------------------- the oracle
def oracle(
    start: float, noise: Noise, known: int = 0, days: int = 7, chance: float = 1e-4, draws: int = 2_800
) -> float:
    """Return how often the likelihood ratio of a ramp's first `days` is one that steady counts reach by `chance`.

    It asks once, at their end. It knows the level; or else (`known` days before the ramp) it learns that from their
    total, every level within a factor of four being as likely to it. Only ramps are drawn: the chance that steady
    counts come as far is the mean of one over the true ratio among those that do. Paths of a wandering level are drawn,
    too, and every likelihood is a mean over them.
    """
    rng = np.random.default_rng(3)
    rate = math.log(growth(start))
    factor = np.append(np.exp(rate * np.arange(days)) * math.expm1(rate) / rate, 1.0)
    levels = np.exp(np.linspace(-1.4, 1.4, 29)) if known else np.ones(1)
    asked: list[NDArray[np.float64]] = []
    true: list[NDArray[np.float64]] = []
    for first in range(7):
        of_week = [noise.weekend if (day + first) % 7 >= 5 else 1.0 for day in range(days)]
        steady = start * np.array([*of_week, known * (5 + 2 * noise.weekend) / 7 or 1.0])  # and of all days before
        means = np.broadcast_to(steady * factor * _paths(rng, draws // 7, days, noise), (draws // 7, days + 1))
        counts = drawn(rng, means, noise.phi)
        paths = steady * _paths(rng, 400 // len(levels), days, noise)
        rows = (levels[:, None, None] * paths).reshape(-1, days + 1)
        true.append(_likelihood(counts, paths * factor, noise.phi) - _likelihood(counts, paths, noise.phi))
        asked.append(_likelihood(counts, rows * factor, noise.phi) - _likelihood(counts, rows, noise.phi))
    order = np.argsort(-np.concatenate(asked))
    return float(np.mean(np.cumsum(np.exp(-np.concatenate(true)[order])) / len(order) <= chance))


def _paths(rng: np.random.Generator, count: int, days: int, noise: Noise) -> NDArray[np.float64]:
    """Return what a wandering level makes of each day, and a 1 for all days before: paths x (days + 1)."""
    if not noise.deviation:
        return np.ones((1, days + 1))
    return np.array([[*wander(rng, days * 4, noise).reshape(days, 4).mean(axis=1), 1.0] for _ in range(count)])


def _likelihood(counts: Counts, means: NDArray[np.float64], phi: float) -> NDArray[np.float64]:
    """Return the log likelihood of each row of counts, a mean over rows of means, but for a constant of the counts.

    Poisson, or negative binomial with shape mean / (phi - 1): the sum of log(shape + i) for i below the count.
    """
    by_path = np.empty((len(counts), len(means)))
    for path, row in enumerate(means):
        if phi <= 1:
            by_path[:, path] = counts @ np.log(row) - row.sum()
            continue
        shapes = row / (phi - 1)
        by_path[:, path] = -shapes.sum() * math.log(phi)
        for day, shape in enumerate(shapes):
            steps = np.log(shape + np.arange(counts[:, day].max()))
            by_path[:, path] += np.concatenate([[0.0], np.cumsum(steps)])[counts[:, day]]
    highest = by_path.max(axis=1)
    return np.asarray(highest + np.log(np.mean(np.exp(by_path - highest[:, None]), axis=1)))
