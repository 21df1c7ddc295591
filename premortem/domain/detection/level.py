"""Level: what one fingerprint's next bucket should hold, a discounted Gamma-Poisson level times a season.

docs/detection.md, "Level and season": level ~ Gamma(a, b), expected count m = a / b x f(slot), with 48 slots of hour
of day x {weekday, weekend} in UTC, linearly interpolated between the hours' middles. O(1) state.
"""

import math
from array import array
from functools import lru_cache

from premortem.domain.detection.config import DetectorConfig, Rates

_SLOW = 40
_EPOCH_HOURS = 72
"""Hours from Monday 00:00 to the hour of 1970-01-01 00:00 UTC, a Thursday."""


def slot_of(hour: int) -> int:
    """Return the slot of an hour since 1970: hour of day, plus 24 on Saturday and Sunday."""
    hour_of_week = (hour + _EPOCH_HOURS) % 168
    return hour_of_week % 24 + 24 if hour_of_week >= 120 else hour_of_week % 24


class Level:
    """The level and season of one fingerprint, at the opening of bucket `at` (buckets since 1970)."""

    __slots__ = (
        "a",
        "at",
        "b",
        "expected",
        "factors",
        "first",
        "hour_count",
        "hour_exposure",
        "p",
        "proof",
        "q",
        "seasonal_counts",
        "seasonal_exposure",
        "spread",
        "started",
        "trust",
    )

    def __init__(self, at: int, of: Rates, since: int | None = None) -> None:
        self.at = at
        self.started = at if since is None else since
        """The bucket in which the fingerprint's life began: before `at` when an older baseline was dropped."""
        self.a = of.prior_a
        self.b = of.prior_b
        self.q = 20.0
        self.p = 10.0
        self.seasonal_counts = array("d", bytes(8 * 48))
        self.seasonal_exposure = array("d", bytes(8 * 48))
        self.factors = array("d", [1.0] * 48)
        self.first = 0
        """Events of the first time of its life, which may become the prior."""
        self.proof = 0.0
        """By how many nats the season has predicted the hours better than a flat level; old hours fade."""
        self.trust = 0.0
        """From 0 to 1: how much of the season is believed."""
        self.spread = 1.0
        """Variance over mean of an hour's count; told when an hour ends."""
        self.hour_count = 0.0
        self.hour_exposure = 0.0
        """The seasonal sums of the open hour's slot, as they were when it opened."""
        self.expected = self.a / self.b

    def factor(self, at: int, of: Rates) -> float:
        """Return the season's factor for bucket `at`, as far as the season is believed."""
        if not self.trust:
            return 1.0
        hour, within = divmod(at, of.per_hour)
        x = (within + 0.5) / of.per_hour - 0.5
        nearest = self.factors[slot_of(hour)]
        other = self.factors[slot_of(hour + 1 if x > 0 else hour - 1)]
        x = abs(x)
        return 1 + self.trust * ((1 - x) * nearest + x * other - 1)

    def cap(self, expected: float) -> float:
        """Return the most that a bucket with this expectation may teach."""
        return expected + 3 * math.sqrt(min(self.q / self.p, 30.0) * expected) + 2

    def close(self, count: int, learn: bool, of: Rates, exposure: float = 1.0) -> None:
        """Close bucket `at`, which held `count` events, and open the next one.

        `exposure`: how much traffic the bucket had, over what it should have had. It scales what the bucket should
        have held, so that the level stays one of events at usual traffic.
        """
        if learn:
            m = self.expected * exposure
            y = float(count)
            if self.at - self.started < of.learning_buckets:
                self.first += count
            elif count:
                y = min(y, self.cap(m))
            decay = of.level_decay
            rest = 1 - decay
            self.q = self.q * decay + (y - m) * (y - m) + rest * 20
            self.p = self.p * decay + m + rest * 10
            slot = slot_of(self.at // of.per_hour)
            level = self.a / self.b * exposure
            self.seasonal_counts[slot] = self.seasonal_counts[slot] * of.season_decay + y
            self.seasonal_exposure[slot] = self.seasonal_exposure[slot] * of.season_decay + level
            self.a = decay * self.a + y
            self.b = decay * self.b + (self.factor(self.at, of) if self.trust else 1.0) * exposure
        self.at += 1
        self.expected = self.a / self.b
        if self.trust:
            self.expected *= self.factor(self.at, of)

    def rest(self, count: int, of: Rates) -> None:
        """Let `count` empty buckets pass in the level alone, at one price: what comes before a scan was worth its room.

        Season, dispersion and windows begin with the scan; only how rare the fingerprint is must not be forgotten.
        """
        left = math.exp(count * math.log(of.level_decay))
        self.a *= left
        self.b = self.b * left + (1 - left) / (1 - of.level_decay)
        self.expected = self.a / self.b

    def skip(self, count: int, of: Rates) -> list[float]:
        """Close `count` empty buckets that lie in one half of one hour; return what each should have held.

        An empty bucket's update is linear in a and b, so both have a closed form; what depends on their ratio is the
        parabola through three nodes, and sums over it are exact for cubics. Where the level has seen `_SLOW` times the
        buckets that it skips, that is closer than a millionth; one that knows less is stepped.
        """
        first, last = self.factor(self.at, of), self.factor(self.at + count - 1, of)
        if self.b < _SLOW * count:
            means = self._step(count, first, last, of)
        else:
            means = _parabola(count, self._decay(count, first, last, of))
        self.at += count
        return means

    def _step(self, n: int, first: float, last: float, of: Rates) -> list[float]:
        a, b, q, p = self.a, self.b, self.q, self.p
        slot = slot_of(self.at // of.per_hour)
        counts, exposure = self.seasonal_counts[slot], self.seasonal_exposure[slot]
        decay, season = of.level_decay, of.season_decay
        q_rest, p_rest = (1 - decay) * 20, (1 - decay) * 10
        slope = (last - first) / (n - 1) if n > 1 else 0.0
        means = []
        for j in range(n):
            factor = first + slope * j
            level = a / b
            m = level * factor
            means.append(m)
            q = q * decay + m * m + q_rest
            p = p * decay + m + p_rest
            counts *= season
            exposure = exposure * season + level
            a *= decay
            b = b * decay + factor
        self.a, self.b, self.q, self.p = a, b, q, p
        self.seasonal_counts[slot], self.seasonal_exposure[slot] = counts, exposure
        return means

    def settle(self, learns: bool, of: Rates, config: DetectorConfig) -> None:
        """End the first time of its life, or an hour, if one has ended; make `expected` that of the bucket that opens.

        `learns`: whether the hour taught.
        """
        if self.at - self.started == of.learning_buckets and self.first >= config.learning_events:
            self.a = float(self.first)
            self.b = float(of.learning_buckets)
        if self.at % of.per_hour == 0:
            self._end_hour(learns, of, config)
        self.expected = self.a / self.b * self.factor(self.at, of)

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
        self.b = self.b * shrink + _linear_sum(n, first, slope, whole / rest, rest)
        self.a = self.a * shrink
        return nodes

    def _level_after(self, j: float, first: float, slope: float, of: Rates) -> float:
        if j == 0:
            return self.a / self.b
        shrink = math.exp(j * math.log(of.level_decay))
        rest = 1 - of.level_decay
        return self.a * shrink / (self.b * shrink + _linear_sum(j, first, slope, (1 - shrink) / rest, rest))

    def _end_hour(self, learns: bool, of: Rates, config: DetectorConfig) -> None:
        slot = slot_of(self.at // of.per_hour - 1)
        if learns:
            self._prove(slot, of, config)
        kappa = config.season_shrink_events
        self.factors[slot] = (self.seasonal_counts[slot] + kappa) / (self.seasonal_exposure[slot] + kappa)
        slot = slot_of(self.at // of.per_hour)
        self.hour_count, self.hour_exposure = self.seasonal_counts[slot], self.seasonal_exposure[slot]

    def _prove(self, slot: int, of: Rates, config: DetectorConfig) -> None:
        """Compare how well the season and the flat level had predicted the hour that ends.

        The difference of two quadratic log-likelihoods, around flat = e and around seasonal = F e, over one variance,
        that of their mean: ((y - e)^2 - (y - F e)^2) / (phi e (1 + F)).
        """
        faded = of.season_hour_decay
        count = self.seasonal_counts[slot] - self.hour_count * faded
        flat = self.seasonal_exposure[slot] - self.hour_exposure * faded
        factor = self.factors[slot]
        gain = (factor - 1) * (2 * count - flat * (1 + factor)) / (self.spread * (1 + factor))
        self.proof = max(-config.season_proof, self.proof * of.proof_decay + gain)
        self.trust = min(1.0, max(0.0, self.proof / config.season_proof))


def quadrature(n: int, first: float, middle: float, last: float) -> float:
    """Return the sum over n equally spaced points of the parabola through the first, the middle and the last one."""
    if n <= 1:
        return first * n
    return n * middle + (first - 2 * middle + last) * n * (n + 1) / (6 * (n - 1))


def _linear_sum(n: float, first: float, slope: float, geometric: float, rest: float) -> float:
    """Return the sum over j < n of decay^(n-1-j) (first + slope j), given (1 - decay^n) / (1 - decay)."""
    return first * geometric + slope * (n - geometric) / rest


def _parabola(n: int, nodes: tuple[float, float, float]) -> list[float]:
    """Return n equally spaced values of the parabola through the first, the middle and the last node."""
    first, middle, last = nodes
    if n < 3:
        return [first, last][:n]
    slope, bend = (last - first) / 2, (first - 2 * middle + last) / 2
    return [middle + t * (slope + bend * t) for t in _spread(n)]


@lru_cache(maxsize=256)
def _spread(n: int) -> tuple[float, ...]:
    """Return n equally spaced numbers from -1 to 1."""
    h = (n - 1) / 2
    return tuple((j - h) / h for j in range(n))
