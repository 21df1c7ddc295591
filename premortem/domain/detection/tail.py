"""Negative-binomial tails: how unlikely a count is, and the smallest count that is unlikely enough."""

import math
from typing import Final

_LN10 = math.log(10)
_TINY = 1e-300
_STEPS = 2_000

NEVER: Final = 1 << 60
"""A limit that no count reaches."""


def rarity(count: float, mean: float, variance: float) -> float:
    """Return -log10 P(X >= count) of the negative binomial X with this mean and variance; 0 at or below the mean.

    P is the regularised incomplete beta function I_q(count, r) with r = mean^2 / (variance - mean) and
    q = mean / (mean + r), by its continued fraction (DLMF 8.17.22; modified Lentz). Above the mean the fraction
    converges in some tens of steps whatever the size of the count, so the cost is bounded.
    """
    if count <= mean:
        return 0.0
    mean = max(mean, 1e-9)
    r = mean * mean / max(variance - mean, 1e-6 * mean)
    q = mean / (mean + r)
    front = _log_chance_of(count, mean, r)
    return max(0.0, -(front + math.log(beta_fraction(count, r, q))) / _LN10)


def _log_chance_of(count: float, mean: float, r: float) -> float:
    """Return ln P(X = count) of the negative binomial with this mean and shape r."""
    return (
        math.lgamma(count + r)
        - math.lgamma(r)
        - math.lgamma(count + 1)
        + count * math.log(mean / (mean + r))
        + r * math.log(r / (mean + r))
    )


def beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of I_x(a, b), without its front factor x^a (1-x)^b / (a B(a, b))."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _STEPS):
        twice = a + 2 * m
        for numerator in (
            m * (b - m) * x / ((twice - 1.0) * twice),
            -(a + m) * (a + b + m) * x / (twice * (twice + 1.0)),
        ):
            d = 1.0 + numerator * d
            c = 1.0 + numerator / c
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            step = c * d
            value *= step
        if abs(step - 1.0) < 1e-13:
            break
    return max(value, _TINY)


def score(count: int, mean: float, variance: float, norm: float) -> float:
    """Return the score of a window: its rarity, plus `norm` for its width, rounded so that machines agree."""
    found = rarity(count, mean, variance)
    return round(found + norm, 6) if found > 0 else 0.0


def cannot_reach(threshold: float, count: int, mean: float, variance: float, norm: float) -> bool:
    """Say, for a tenth of the price of a score, that `count` scores less than `threshold`; False = it may reach it.

    P(X >= count) is at least P(X = count), so the rarity of a count is at most that of hitting it exactly.
    """
    if count <= mean:
        return True
    mean = max(mean, 1e-9)
    r = mean * mean / max(variance - mean, 1e-6 * mean)
    return norm - _log_chance_of(count, mean, r) / _LN10 < threshold - 1e-5


def floor_limit(mean: float, variance: float) -> int:
    """Return a count at or below `exact_limit` for every rarity from `SAFE` up, for the price of one square root.

    Negative binomials lean to the right: up to three standard deviations above the mean nothing is rarer than
    10^-2.87, as long as r = mean^2 / (variance - mean) is not tiny (below 0.01 the tail is all there is).
    """
    if mean * mean < 0.01 * (variance - mean):
        return int(mean) + 1
    return int(mean + 3.0 * math.sqrt(variance)) + 1


SAFE: Final = 2.9
"""The smallest rarity for which `floor_limit` stands in for `exact_limit`; a property holds it."""


def exact_limit(threshold: float, mean: float, variance: float, norm: float) -> int:
    """Return the smallest count whose score reaches `threshold`."""
    low = int(mean)
    step = max(1, int(2 * math.sqrt(variance)))
    high = low + step
    while score(high, mean, variance, norm) < threshold:
        low, step = high, step * 2
        high += step
        if high > NEVER:
            return NEVER
    while high - low > 1:
        middle = (low + high) // 2
        if score(middle, mean, variance, norm) < threshold:
            low = middle
        else:
            high = middle
    return high
