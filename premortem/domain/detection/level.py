"""Level: what one fingerprint's next bucket should hold, a discounted Gamma-Poisson level times a season.

docs/detection.md, "Level and season": level ~ Gamma(a, b), expected count m = a / b x f(slot), with 48 slots of hour
of day x {weekday, weekend} in UTC, linearly interpolated between the hours' middles. O(1) state.
"""

import math
from array import array
from math import fsum
from operator import mul

from premortem.domain.detection.config import DetectorConfig, Rates
from premortem.domain.detection.stretch import Stretch

_SLOW = 24
_EPOCH_HOURS = 72
"""Hours from Monday 00:00 to the hour of 1970-01-01 00:00 UTC, a Thursday."""


_SLOTS = tuple(hour % 24 + (24 if hour >= 120 else 0) for hour in range(168))


def slot_of(hour: int) -> int:
    """Return the slot of an hour since 1970: hour of day, plus 24 on Saturday and Sunday."""
    return _SLOTS[(hour + _EPOCH_HOURS) % 168]


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
        "season",
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
        self.season = 1.0
        """The season's factor for the open bucket."""
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
        at = self.at
        if learn:
            m, y = self.expected * exposure, float(count)
            if count:
                if at - self.started < of.learning_buckets:
                    self.first += count
                else:
                    y = min(y, self.cap(m))
            decay = of.level_decay
            rest = 1 - decay
            self.q = self.q * decay + (y - m) * (y - m) + rest * 20
            self.p = self.p * decay + m + rest * 10
            slot = _SLOTS[(at // of.per_hour + _EPOCH_HOURS) % 168]
            counts, exposures, season = self.seasonal_counts, self.seasonal_exposure, of.season_decay
            counts[slot] = counts[slot] * season + y
            exposures[slot] = exposures[slot] * season + self.a / self.b * exposure
            self.a = decay * self.a + y
            self.b = decay * self.b + self.season * exposure
        self.at = at + 1
        self.foresee(of)

    def rest(self, count: int, of: Rates) -> None:
        """Let `count` empty buckets pass in the level alone, at one price: what comes before a scan was worth its room.

        Season, dispersion and windows begin with the scan; only how rare the fingerprint is must not be forgotten.
        """
        left = math.exp(count * math.log(of.level_decay))
        self.a *= left
        self.b = self.b * left + (1 - left) / (1 - of.level_decay)
        self.expected = self.a / self.b

    def skip(self, count: int, of: Rates) -> Stretch:
        """Close `count` empty buckets that lie in one half of one hour, or in one hour while no season is believed.

        An empty bucket's update is linear in a and b, so both have a closed form; what depends on their ratio is the
        parabola through three nodes, and sums over it are exact for cubics. Where the level has seen `_SLOW` times the
        buckets that it skips, that is closer than some millionths; where it has seen less, it is worked out for each.
        """
        left, ones, slopes, mid, mid_ones, mid_slopes, end, end_ones, end_slopes, aged, mid_aged, _, _, bend = of.skips[
            count
        ]
        a, b, at = self.a, self.b, self.at
        first, slope, stepped = 1.0, 0.0, None
        if self.trust:
            first, last = self.factor(at, of), self.factor(at + count - 1, of)
            slope = (last - first) / (count - 1) if count > 1 else 0.0
        if b < _SLOW * count:
            steps = of.steps[:count]
            levels = [a * left / (b * left + first * ones + slope * slopes) for _, left, ones, slopes in steps]
            exposure = fsum(levels)
            stepped = [level * (first + slope * j) for j, level in enumerate(levels)] if self.trust else levels
            total, squares = fsum(stepped), fsum(map(mul, stepped, stepped))
            m0, m1, m2 = stepped[0], stepped[count // 2], stepped[-1]
        else:
            m0 = a / b
            m1 = a * mid / (b * mid + first * mid_ones + slope * mid_slopes)
            m2 = a * end / (b * end + first * end_ones + slope * end_slopes)
            total = exposure = count * m1 + (m0 - 2 * m1 + m2) * bend
            if self.trust:
                m0, m1, m2 = m0 * first, m1 * (first + last) / 2, m2 * last
                total = count * m1 + (m0 - 2 * m1 + m2) * bend
            squares = count * m1 * m1 + (m0 * m0 - 2 * m1 * m1 + m2 * m2) * bend
        self.a = a * left
        self.b = b * left + first * ones + slope * slopes
        whole = 1 - left
        self.q = self.q * left + squares * mid + whole * 20
        self.p = self.p * left + total * mid + whole * 10
        slot = _SLOTS[(at // of.per_hour + _EPOCH_HOURS) % 168]
        self.seasonal_counts[slot] *= aged
        self.seasonal_exposure[slot] = self.seasonal_exposure[slot] * aged + exposure * mid_aged
        self.at = at + count
        return Stretch(count, total, squares, m0, m1, m2, stepped)

    def settle(self, learns: bool, of: Rates, config: DetectorConfig) -> None:
        """End the first time of its life, or an hour, if one has ended; make `expected` that of the bucket that opens.

        `learns`: whether the hour taught.
        """
        if self.at - self.started == of.learning_buckets and self.first >= config.learning_events:
            self.a = float(self.first)
            self.b = float(of.learning_buckets)
        if self.at % of.per_hour == 0:
            self._end_hour(learns, of, config)
        self.foresee(of)

    def foresee(self, of: Rates) -> None:
        """Work out the season and `expected`, for the bucket that opens."""
        self.expected = self.a / self.b
        if self.trust:
            self.season = self.factor(self.at, of)
            self.expected *= self.season
        else:
            self.season = 1.0

    def is_slow(self, of: Rates) -> bool:
        """Return whether so much is known that an hour hardly changes the level."""
        return self.b >= _SLOW * of.per_hour

    def _end_hour(self, learns: bool, of: Rates, config: DetectorConfig) -> None:
        hour = self.at // of.per_hour + _EPOCH_HOURS
        slot, following = _SLOTS[(hour - 1) % 168], _SLOTS[hour % 168]
        counts, exposures = self.seasonal_counts, self.seasonal_exposure
        if learns:
            self._prove(slot, of, config)
        kappa = config.season_shrink_events
        self.factors[slot] = (counts[slot] + kappa) / (exposures[slot] + kappa)
        self.hour_count, self.hour_exposure = counts[following], exposures[following]

    def _prove(self, slot: int, of: Rates, config: DetectorConfig) -> None:
        """Compare how well the season and the flat level had predicted the hour that ends.

        The difference of two quadratic log-likelihoods, around flat = e and around seasonal = F e, over one variance,
        that of their mean: ((y - e)^2 - (y - F e)^2) / (phi e (1 + F)).
        """
        factor, limit = self.factors[slot], config.season_proof
        gain, faded = 0.0, of.season_hour_decay
        if factor != 1.0:
            count = self.seasonal_counts[slot] - self.hour_count * faded
            flat = self.seasonal_exposure[slot] - self.hour_exposure * faded
            gain = (factor - 1) * (2 * count - flat * (1 + factor)) / (self.spread * (1 + factor))
        self.proof = max(-limit, self.proof * of.proof_decay + gain)
        self.trust = min(1.0, self.proof / limit) if self.proof > 0 else 0.0
