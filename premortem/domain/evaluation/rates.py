"""Two rates: the exact conditional test between them, and the interval of their ratio.

Given how many events there were in all, the share that fell on one side is binomial, whatever the rates' common size is
(Przyborowski and Wilenski, Biometrika 31, 1940). Its tails are incomplete beta functions (DLMF 8.17.5), and so are the
bounds of the share (Clopper and Pearson, Biometrika 26, 1934). Counts may be fractions of events, where several events
count as one. Chances and ratios are rounded to 1e-6, so that machines compare alike.
"""

import math

from premortem.domain.detection.tail import beta_fraction

_STEPS = 60
"""Halvings of a bound: below 1e-12."""


def fewer(before: float, before_exposure: float, after: float, after_exposure: float, ratio: float = 1.0) -> float:
    """Return the chance of so few events after, or fewer, given all of them, if the rate after were `ratio` times the
    one before. Exposures must be above 0, in one unit; 1 when there were none before.
    """
    share = _share(before_exposure, after_exposure, ratio)
    return round(beta(1.0 - share, before, after + 1.0), 6)


def more(before: float, before_exposure: float, after: float, after_exposure: float, ratio: float = 1.0) -> float:
    """Return the chance of so many events after, or more; 1 when there were none after."""
    share = _share(before_exposure, after_exposure, ratio)
    return round(beta(share, after, before + 1.0), 6)


def ratio_of(before: float, before_exposure: float, after: float, after_exposure: float) -> float | None:
    """Return rate after over rate before, None when there is none before."""
    if not before or not after_exposure:
        return None
    return round(after * before_exposure / (before * after_exposure), 6)


def lowest_ratio(before: float, before_exposure: float, after: float, after_exposure: float, tail: float) -> float:
    """Return the ratio below which so many events after have a chance under `tail`."""
    if not after:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if beta(middle, after, before + 1.0) < tail:
            low = middle
        else:
            high = middle
    return round(low / (1.0 - low) * before_exposure / after_exposure, 6) if low < 1.0 else math.inf


def highest_ratio(
    before: float, before_exposure: float, after: float, after_exposure: float, tail: float
) -> float | None:
    """Return the ratio above which so few events after have a chance under `tail`; None = no ratio is too high."""
    if not before:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if beta(1.0 - middle, before, after + 1.0) < tail:
            high = middle
        else:
            low = middle
    return round(high / (1.0 - high) * before_exposure / after_exposure, 6) if high < 1.0 else None


def at_most(count: int, mean: float) -> float:
    """Return the chance that a Poisson count with this mean is at most `count`."""
    term = total = math.exp(-mean)
    for n in range(1, count + 1):
        term *= mean / n
        total += term
    return min(1.0, total)


def beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), b > 0; 1 for a = 0 (DLMF 8.17.22, 8.17.4)."""
    if a <= 0.0 or x >= 1.0:
        return 1.0
    if x <= 0.0:
        return 0.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x <= (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * beta_fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * beta_fraction(b, a, 1.0 - x) / b)


def _share(before_exposure: float, after_exposure: float, ratio: float) -> float:
    weight = ratio * after_exposure
    return weight / (weight + before_exposure)
