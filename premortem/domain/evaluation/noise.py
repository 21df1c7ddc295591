"""Noise: how many events count as one. Errors come in bursts, and a test that takes each event for one is too sure."""

from collections.abc import Sequence

_FEWEST_BLOCKS = 8
_PRIOR_BLOCKS = 4
PRIOR = 2.0
"""Variance over mean of an error of which little is known; what the detectors begin with."""


def dispersion(events: Sequence[int], exposure: Sequence[int]) -> float:
    """Return variance over mean of the events of equal slots of time, given their exposure: the largest of all scales.

    Slots are joined into blocks of 1, 2, 4, ... slots as long as there are eight. Each scale's variance is a ratio of
    sums (Pearson's statistic over its degrees of freedom, weighted by exposure) with a prior of four blocks that have a
    variance of twice the mean. A rate that wanders or that has ebbed before the deploy shows at the wide scales, bursts
    already at the narrow ones. At least 1, rounded to 1e-6.
    """
    total, whole = sum(events), sum(exposure)
    if not total or not whole:
        return PRIOR
    rate = total / whole
    found, width = 1.0, 1
    while width == 1 or len(events) // width >= _FEWEST_BLOCKS:
        found = max(found, _at_scale(events, exposure, rate, width))
        width *= 2
    return round(found, 6)


def _at_scale(events: Sequence[int], exposure: Sequence[int], rate: float, width: int) -> float:
    squares = expected = 0.0
    blocks = len(events) // width
    first = len(events) - blocks * width
    for start in range(first, len(events), width):
        mean = rate * sum(exposure[start : start + width])
        squares += (sum(events[start : start + width]) - mean) ** 2
        expected += mean
    if not expected:
        return PRIOR
    prior = _PRIOR_BLOCKS * expected / blocks
    return (squares * blocks / max(blocks - 1, 1) + PRIOR * prior) / (expected + prior)
