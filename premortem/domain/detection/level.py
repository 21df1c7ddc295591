"""Level: what one fingerprint's next bucket should hold, a discounted Gamma-Poisson level times a season.

Formulas A of the detection notes (docs/adr/0006): level ~ Gamma(a, b), expected count m = a / b x f(slot), with 48
slots of hour of day x {weekday, weekend} in UTC, linearly interpolated between the hours' middles. O(1) state.
"""

import math
from array import array

from premortem.domain.detection.config import DetectorConfig, Rates

_EPOCH_HOURS = 72
"""Hours from Monday 00:00 to the hour of 1970-01-01 00:00 UTC, a Thursday."""


def slot_of(hour: int) -> int:
    """Return the slot of an hour since 1970: hour of day, plus 24 on Saturday and Sunday."""
    hour_of_week = (hour + _EPOCH_HOURS) % 168
    return hour_of_week % 24 + 24 if hour_of_week >= 120 else hour_of_week % 24


class Level:
    """The level and season of one fingerprint, at the opening of bucket `at` (buckets since 1970)."""

    __slots__ = ("a", "at", "b", "expected", "factors", "p", "q", "seasonal_counts", "seasonal_exposure", "started")

    def __init__(self, at: int, of: Rates) -> None:
        self.at = at
        self.started = at
        self.a = of.prior_a
        self.b = of.prior_b
        self.q = 20.0
        self.p = 10.0
        self.seasonal_counts = array("d", bytes(8 * 48))
        self.seasonal_exposure = array("d", bytes(8 * 48))
        self.factors = array("d", [1.0] * 48)
        self.expected = self.a / self.b

    def factor(self, at: int, of: Rates) -> float:
        """Return the season's factor for bucket `at`; 1 while the fingerprint is too young to have a season."""
        if at - self.started < of.season_from:
            return 1.0
        hour, within = divmod(at, of.per_hour)
        x = (within + 0.5) / of.per_hour - 0.5
        nearest = self.factors[slot_of(hour)]
        other = self.factors[slot_of(hour + 1 if x > 0 else hour - 1)]
        x = abs(x)
        return (1 - x) * nearest + x * other

    def cap(self, expected: float) -> float:
        """Return the most that a bucket with this expectation may teach."""
        return expected + 3 * math.sqrt(min(self.q / self.p, 30.0) * expected) + 2

    def close(self, count: int, learn: bool, of: Rates, config: DetectorConfig) -> None:
        """Close bucket `at`, which held `count` events, and open the next one."""
        if learn:
            m = self.expected
            y = min(count, self.cap(m)) if count else 0.0
            decay = of.level_decay
            rest = 1 - decay
            self.q = self.q * decay + (y - m) * (y - m) + rest * 20
            self.p = self.p * decay + m + rest * 10
            slot = slot_of(self.at // of.per_hour)
            level = self.a / self.b
            self.seasonal_counts[slot] = self.seasonal_counts[slot] * of.season_decay + y
            self.seasonal_exposure[slot] = self.seasonal_exposure[slot] * of.season_decay + level
            self.a = decay * self.a + y + rest * of.prior_a
            self.b = decay * self.b + self.factor(self.at, of) + rest * of.prior_b
        self.at += 1
        if self.at % of.per_hour == 0:
            self._end_hour(of, config)
        self.expected = self.a / self.b * self.factor(self.at, of)

    def skip(self, count: int, learn: bool, of: Rates, config: DetectorConfig) -> tuple[float, float, float]:
        """Close `count` empty buckets that lie in one half of one hour; return m of the first, middle and last.

        An empty bucket's update is linear in a and b, so both have a closed form; what depends on their ratio (sums
        of expectations and of their squares) is summed from three nodes, exact for cubics: its error against closing
        bucket by bucket is of the order of the fourth power of 1 % (a level's change in an hour).
        """
        n = count
        first, last = self.factor(self.at, of), self.factor(self.at + n - 1, of)
        if not learn:
            level = self.a / self.b
            nodes = level * first, level * (first + last) / 2, level * last
        else:
            nodes = self._decay(n, first, last, of)
        self.at += n
        if self.at % of.per_hour == 0:
            self._end_hour(of, config)
        self.expected = self.a / self.b * self.factor(self.at, of)
        return nodes

    def _decay(self, n: int, first: float, last: float, of: Rates) -> tuple[float, float, float]:
        decay, rest = of.level_decay, 1 - of.level_decay
        slope = (last - first) / (n - 1) if n > 1 else 0.0
        h = (n - 1) / 2
        levels = [self._level_after(j, first, slope, of) for j in ((0.0, h, n - 1.0) if n > 1 else (0.0, 0.0, 0.0))]
        nodes = levels[0] * first, levels[1] * (first + slope * h), levels[2] * last
        shrink = math.exp(n * math.log(decay))
        whole = 1 - shrink
        middle = math.exp(h * math.log(decay))
        slot = slot_of(self.at // of.per_hour)
        season = math.exp(n * math.log(of.season_decay))
        self.q = self.q * shrink + quadrature(n, *(m * m for m in nodes)) * middle + whole * 20
        self.p = self.p * shrink + quadrature(n, *nodes) * middle + whole * 10
        self.seasonal_counts[slot] *= season
        exposure = quadrature(n, *levels) * math.exp(h * math.log(of.season_decay))
        self.seasonal_exposure[slot] = self.seasonal_exposure[slot] * season + exposure
        self.b = (self.b - of.prior_b) * shrink + _linear_sum(n, first, slope, whole / rest, rest) + of.prior_b
        self.a = (self.a - of.prior_a) * shrink + of.prior_a
        return nodes

    def _level_after(self, j: float, first: float, slope: float, of: Rates) -> float:
        if j == 0:
            return self.a / self.b
        shrink = math.exp(j * math.log(of.level_decay))
        rest = 1 - of.level_decay
        b = (self.b - of.prior_b) * shrink + _linear_sum(j, first, slope, (1 - shrink) / rest, rest) + of.prior_b
        return ((self.a - of.prior_a) * shrink + of.prior_a) / b

    def _end_hour(self, of: Rates, config: DetectorConfig) -> None:
        slot = slot_of(self.at // of.per_hour - 1)
        kappa = config.season_shrink_events
        self.factors[slot] = (self.seasonal_counts[slot] + kappa) / (self.seasonal_exposure[slot] + kappa)


def quadrature(n: int, first: float, middle: float, last: float) -> float:
    """Return the sum over n equally spaced points of the parabola through the first, the middle and the last one."""
    if n <= 1:
        return first * n
    return n * middle + (first - 2 * middle + last) * n * (n + 1) / (6 * (n - 1))


def _linear_sum(n: float, first: float, slope: float, geometric: float, rest: float) -> float:
    """Return the sum over j < n of decay^(n-1-j) (first + slope j), given (1 - decay^n) / (1 - decay)."""
    return first * geometric + slope * (n - geometric) / rest
