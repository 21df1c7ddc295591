"""Growth: how far the newest days of one fingerprint exceed what older ones promise, and how rare chance does that.

A day is 24 hours that end with a quarter, which is six hours of UTC: four times a day whole days are compared, and the
time of day cancels out. docs/detection-ramp.md has the maths and its sources.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from premortem.domain.decision import Gate
from premortem.domain.detection.config import DAY_MS, DetectorConfig
from premortem.domain.detection.tail import rarity

QUARTERS = 4
"""Of a day."""
QUARTER_MS = DAY_MS // QUARTERS
LENGTHS = (4, 5, 6, 7, 8, 10)
"""Newest days in which a ramp may have begun; fewer are the spike's business."""
_HIGH, _HIGH_OF = 4, 5
"""So many of so many newest days must each be high."""
_NEIGHBOUR = 2
"""A day counts for at most this times the third highest of its window: a burst of 24 hours lies in two days."""
_BURST, _BURST_EVENTS = 2, 4
"""And in a baseline for at most this times the upper quartile and so many events."""


class Days(NamedTuple):
    """Whole days of one fingerprint that end now, newest first. Counts are events."""

    counts: list[int]
    weekend: tuple[float, ...]
    """Share of each day that is Saturday or Sunday in UTC."""
    on_weekend: list[int]
    """Events in that share."""
    quarters: Sequence[int]
    """Of all these days, oldest first."""


class Baseline(NamedTuple):
    """What a day should hold, in events, on a weekday and on the weekend; and how much days differ."""

    weekday: float
    weekend: float
    dispersion: float
    """Variance over mean of a day's count."""
    total: float
    """Expected events of all the days that it was made of: how well it is known."""

    def expected(self, weekend: float) -> float:
        """Return the events that a day should hold of which this share is weekend."""
        return self.weekday + (self.weekend - self.weekday) * weekend


class RampFinding(NamedTuple):
    """What the newest days show against a baseline, and the gates. Counts are events."""

    days: int
    """Length of the strongest window; 0 = too little is known to say anything."""
    observed: int
    """Events in the window, its extreme days capped."""
    expected: float
    ratio: float
    """Observed over expected, newer days weighing more."""
    dispersion: float
    score: float
    """Decimal orders of magnitude of chance, rounded to 1e-6."""
    threshold: float
    onset: int
    """Where the rise began, a quarter of a day's start in milliseconds since 1970 UTC."""
    gates: tuple[Gate, ...]

    @property
    def fired(self) -> bool:
        """Return whether every gate let it pass."""
        return all(gate.passed for gate in self.gates)


# -------------------------------------------------------------------------------------------------------- days
def is_weekend(day: int) -> bool:
    """Say whether a day since 1970-01-01, a Thursday, is a Saturday or a Sunday."""
    return (day + 3) % 7 >= 5


def days(quarters: Sequence[int], end: int) -> Days:
    """Return the days of these counts of quarters, oldest first and whole days of them, that end before `end`."""
    last = len(quarters)
    counts = [sum(quarters[i - QUARTERS : i]) for i in range(last, 0, -QUARTERS)]
    share = _weekends(end % (7 * QUARTERS), len(counts))
    on_weekend = [count if part == 1 else 0 for count, part in zip(counts, share)]
    newer = end % QUARTERS  # of each day so many quarters lie on its second date
    for n, part in enumerate(share):
        if 0 < part < 1:
            cut = last - n * QUARTERS
            second = is_weekend(end // QUARTERS - n)
            on_weekend[n] = sum(quarters[cut - newer : cut] if second else quarters[cut - QUARTERS : cut - newer])
    return Days(counts, share, on_weekend, quarters)


@lru_cache(maxsize=256)
def _weekends(end: int, count: int) -> tuple[float, ...]:
    """Return the share of weekend of each of the days before a quarter, newest first."""
    today, newer = divmod(end, QUARTERS)
    of_date = [is_weekend(today - n) for n in range(count + 1)]
    return tuple((newer * of_date[n] + (QUARTERS - newer) * of_date[n + 1]) / QUARTERS for n in range(count))


def lumpiness(shown: Days, known: int, config: DetectorConfig) -> float:
    """Return variance over mean of a quarter's count within its day, over the newest `known` days.

    A ramp changes how much a day holds, hardly how that is spread over the day: so its own days tell the size of the
    lumps that events come in, when the days before it were too few or too empty to. A ratio of sums, as in the scan.
    """
    cap = _cap(shown.counts[:known])
    sums = [1.0] * QUARTERS
    kept: list[tuple[float, Sequence[int], int]] = []
    for n, count in enumerate(shown.counts[:known]):
        if count:
            end = len(shown.quarters) - n * QUARTERS
            part = min(1.0, cap / count)
            kept.append((part, shown.quarters[end - QUARTERS : end], count))
            sums = [so_far + part * quarter for so_far, quarter in zip(sums, kept[-1][1])]
    total = sum(sums)
    shares = [so_far / total for so_far in sums]
    squares, events = config.ramp_phi_events * config.ramp_phi_prior, config.ramp_phi_events
    left = 1 - sum(share * share for share in shares)  # of a day's events, when its total is given
    for part, of_day, count in kept:
        events += part * count * left
        squares += part * part * sum((x - count * share) * (x - count * share) for x, share in zip(of_day, shares))
    return max(1.0, squares / events)


# --------------------------------------------------------------------------------------------------- baselines
def level(shown: Days, chosen: Sequence[int], config: DetectorConfig) -> Baseline:
    """Return what the days with these numbers say of days to come, as if they differed by chance alone.

    The weekend's factor is shrunk to 1.
    """
    n = len(chosen)
    counts = [shown.counts[day] for day in chosen]
    cap = _cap(counts)
    total, on_weekend = 0, 0.0
    for day, count in zip(chosen, counts):
        total += min(cap, count)
        if count:
            on_weekend += shown.on_weekend[day] * min(1.0, cap / count)
    weekends = math.fsum([shown.weekend[day] for day in chosen])
    weekdays, kappa = n - weekends, config.season_shrink_events
    if weekdays < 1:
        weekday = weekend = (total + 0.5) / n
    else:
        weekday = (total - on_weekend + 0.5) / weekdays
        weekend = weekday * (on_weekend + kappa) / (weekday * weekends + kappa)
    return Baseline(weekday, weekend, 1.0, weekday * weekdays + weekend * weekends)


def dispersed(against: Baseline, shown: Days, chosen: Sequence[int], lumps: float, config: DetectorConfig) -> Baseline:
    """Return the level of these days with how much they differ: by their lumps at least.

    By how much more, a ratio of sums, is shrunk to days that wander by `ramp_wander`.
    """
    n, a_day = len(chosen), against.total / len(chosen)
    cap = _cap([shown.counts[day] for day in chosen])
    errors = [min(cap, shown.counts[day]) - against.expected(shown.weekend[day]) for day in chosen]
    squares = math.fsum([error * error for error in errors]) * n / max(1, n - 2)  # two means were fitted
    weight = config.ramp_prior_days * a_day
    dispersion = (squares + weight * (lumps + config.ramp_wander * a_day)) / (against.total + weight)
    return against._replace(dispersion=max(lumps, dispersion))


def _cap(counts: Sequence[int]) -> int:
    return _BURST * sorted(counts)[3 * len(counts) // 4] + _BURST_EVENTS


# ----------------------------------------------------------------------------------------------------- windows
class Window(NamedTuple):
    """The newest days beside what was expected of them; sums are weighted by the days since the window began."""

    length: int
    events: int
    expected: float
    weighted: float
    weighted_expected: float
    squares: float
    """Of the weights, times what each day was expected to hold."""
    high: int
    """Of the newest days, those far enough above their expectation."""

    @property
    def ratio(self) -> float:
        """Return observed over expected, newer days weighing more."""
        return self.weighted / self.weighted_expected

    def stands_out(self, least: float, config: DetectorConfig) -> bool:
        """Say whether every gate but the score lets it pass."""
        return self.high >= _HIGH and self.ratio >= least and self.events >= config.ramp_least_events


def window(shown: Days, length: int, against: Baseline, config: DetectorConfig) -> Window:
    """Return the newest `length` days beside what was expected."""
    means = [against.expected(share) for share in shown.weekend[: max(length, _HIGH_OF)]]
    high = 0
    for count, mean in zip(shown.counts[:_HIGH_OF], means):
        high += count > config.ramp_day_ratio * mean
    counts = _capped(shown.counts[:length], means)
    expected = weighted = weighted_expected = squares = 0.0
    weight = length - 0.5
    for count, mean in zip(counts, means):
        expected += mean
        weighted += weight * count
        weighted_expected += weight * mean
        squares += weight * weight * mean
        weight -= 1.0
    return Window(length, sum(counts), expected, weighted, weighted_expected, squares, high)


def found(of: Window, against: Baseline, least: float, config: DetectorConfig) -> RampFinding:
    """Return the window with its score and gates; it must hold `least` times the baseline. The onset is left open.

    The score is that of the weighted sum: of all tests of the slope of the log-rate the most powerful one
    (docs/detection-ramp.md).
    """
    unit = of.squares / of.weighted_expected
    expected = of.weighted_expected / unit
    # The days' own noise, that of the baseline, and what the level may wander from one week to the next.
    noise = against.dispersion * expected * (1 + expected / against.total) + config.ramp_omega * expected * expected
    score, opens = round(rarity(of.weighted / unit, expected, noise), 6), config.ramp_score_opens
    gates = (
        Gate("score", score, opens, score >= opens),
        Gate("times the baseline", round(of.ratio, 6), round(least, 6), of.ratio >= least),
        Gate("days above the baseline", of.high, _HIGH, of.high >= _HIGH),
        Gate("events in these days", of.events, config.ramp_least_events, of.events >= config.ramp_least_events),
    )
    return RampFinding(
        days=of.length,
        observed=of.events,
        expected=of.expected,
        ratio=of.ratio,
        dispersion=against.dispersion,
        score=score,
        threshold=opens,
        onset=0,
        gates=gates,
    )


def reached(shown: Days, length: int, against: Baseline) -> float:
    """Return how many times its expectation the highest of the newest days held, a burst of one day cut.

    When a level steps up, the day before its first whole one may hold as little as a quarter of it.
    """
    newest = zip(shown.counts[:length], shown.weekend)
    second, highest = sorted(count / against.expected(share) for count, share in newest)[-2:]
    return min(highest, QUARTERS * second)


def since(shown: Days, against: Baseline, config: DetectorConfig) -> int:
    """Return how many days ago the days above the baseline that reach up to now began; of two, one may be low."""
    first = 0
    for day, (count, share) in enumerate(zip(shown.counts, shown.weekend)):
        if day - first >= 2:
            break
        if count > config.ramp_over_ratio * against.expected(share):
            first = day
    return first + 1


def _capped(counts: Sequence[int], means: Sequence[float]) -> list[int]:
    """Return the counts, none of them above `_NEIGHBOUR` times the third highest, season considered.

    Of a long window, that of the middle one: it may hold two bursts.
    """
    of_middle = sorted([count / mean for count, mean in zip(counts, means)])[-max(3, len(counts) // 2)]
    most = _NEIGHBOUR * of_middle
    return [count if count <= most * mean else math.ceil(most * mean) for count, mean in zip(counts, means)]
