"""Power: the least exposure after a deploy that can tell anything, fixed before any of it is looked at."""

import math

from premortem.domain.evaluation.rates import at_most, fewer

ALPHA = 0.05
"""Chance, over all looks together, of calling a fix effective that changed nothing."""
RESIDUE = 0.25
"""A fix that leaves more than this part of the rate has not fixed it."""
_FALL, _POWER = 0.1, 0.8
"""The exposure is such that a fall to a tenth is called effective at the first look with this chance."""
_FARTHEST = 64.0
MOST = 1 << 53


def alpha_of(look: int) -> float:
    """Return what the look, counted from 0, may spend: half, a quarter, an eighth ... of ALPHA."""
    return ALPHA / 2.0 ** (look + 1)


def needed_exposure(events: float, exposure: int, weeks: int = 0) -> int:
    """Return the least exposure after the deploy at which a fall to a tenth is told with a chance of 0.8.

    `events` (as many as count) over `exposure` is the rate before. With `weeks` the comparison is with the same hours
    of so many weeks before, which grow with what they are compared with; without, it is with the whole time before.
    Where even 64 times that time were not enough, it is the least at which no event at all tells a fall.
    """
    if events <= 0 or exposure <= 0:
        return MOST
    rate = events / exposure
    low, high = 0.0, 1.0 / rate
    while not _tells(high, rate, events, exposure, weeks):
        low, high = high, high * 2
        if high > _FARTHEST * exposure and not weeks:
            return min(MOST, math.ceil(exposure * math.expm1(min(-math.log(alpha_of(0)) / events, 60.0))))
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        if _tells(middle, rate, events, exposure, weeks):
            high = middle
        else:
            low = middle
    return min(MOST, math.ceil(high))


def _tells(after: float, rate: float, events: float, exposure: float, weeks: int) -> bool:
    """Tell whether so much exposure after has the power."""
    if weeks:
        events, exposure = rate * weeks * after, weeks * after
    low, high = -1, int(RESIDUE * rate * after)
    while low < high:
        middle = (low + high + 1) // 2
        if fewer(events, exposure, middle, after) <= alpha_of(0):
            low = middle
        else:
            high = middle - 1
    return low >= 0 and at_most(low, _FALL * rate * after) >= _POWER
