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
def oracle(start: float, noise: Noise, days: int = 7, chance: float = 1e-4, draws: int = 200_000) -> float:
    """Return how often the likelihood ratio of a ramp's first `days` is one that steady counts reach by `chance`.

    It asks once. What the level wanders is drawn and stands in the limit, but not in the ratio.
    """
    rng = np.random.default_rng(3)
    rate = math.log(growth(start))
    factor = np.exp(rate * np.arange(days)) * math.expm1(rate) / rate
    of_week = np.array([[noise.weekend if (d + p) % 7 >= 5 else 1.0 for d in range(days)] for p in range(7)])
    ratios = np.empty(0)
    for means, n in ((start * of_week, draws // 7), (start * of_week * factor, 1_000)):
        found = [_ratio(rng, means[p], start * of_week[p], factor, noise, n) for p in range(7)]
        if not len(ratios):
            ratios = np.sort(np.concatenate(found))
    return float(np.mean(np.concatenate(found) > ratios[int(len(ratios) * (1 - chance))]))


def _ratio(
    rng: np.random.Generator,
    means: NDArray[np.float64],
    steady: NDArray[np.float64],
    factor: NDArray[np.float64],
    noise: Noise,
    draws: int,
) -> NDArray[np.float64]:
    """Return log likelihood ratios of `draws` rows of counts: negative binomial with shape mean / (phi - 1)."""
    shift = np.ones((draws, len(means)))
    if noise.deviation:
        paths = np.array([wander(rng, len(means) * 4, noise) for _ in range(2_000)])
        shift = paths.reshape(len(paths), -1, 4).mean(axis=2)[rng.integers(0, len(paths), draws)]
    counts = drawn(rng, means * shift, noise.phi)
    if noise.phi <= 1:
        return np.asarray(counts @ np.log(factor), float)
    shapes = steady / (noise.phi - 1)
    total = np.zeros(draws)
    for day, (shape, times) in enumerate(zip(shapes, factor)):
        steps = np.arange(counts[:, day].max() + 1)
        table = np.concatenate([[0.0], np.cumsum(np.log(shape * times + steps) - np.log(shape + steps))])
        total += table[counts[:, day]]
    return total
