"""Ramp: growth of one fingerprint over days, measured against days that the growth has not reached.

A moving ceiling learns a slow ramp as fast as the ramp climbs. Here the newest days are compared with days that are
one or two weeks older, and once a ramp is told, with what was expected then (docs/detection-ramp.md).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from premortem.domain.decision import Gate
from premortem.domain.detection.config import DAY_MS, DetectorConfig
from premortem.domain.detection.tail import rarity

RING = 29
"""Days kept: the open one, and four weeks of closed ones."""
LEAST_DAYS = 10
"""Whole closed days before anything is said: a week to compare with, and the shortest window."""
_WEEK = 7
_LAGS = (7, 14)
"""Days between the newest day and a baseline: after the first a young ramp shows, after the second a slow one."""
_BASELINE = 21
"""Most days in a baseline."""
_LENGTHS = (3, 5, 7)
"""Newest days that are summed; fewer are the spike's business."""
_HIGH_SHARE = 0.75
"""So much of a window's days must each be high."""
_NEIGHBOUR = 1.5
"""A day counts for at most this times the second highest of its window, so that no single day makes a ramp."""


class Baseline(NamedTuple):
    """What a day should hold, in events, on a weekday and on the weekend; and how much days differ."""

    weekday: float
    weekend: float
    dispersion: float
    """Variance over mean of a day's count."""
    total: float
    """Expected events of all the days that it was made of: how well it is known."""

    def expected(self, day: int) -> float:
        """Return the events that `day` should hold."""
        return self.weekend if is_weekend(day) else self.weekday


class RampFinding(NamedTuple):
    """What the newest closed days show against a baseline, and the gates. Counts are events."""

    days: int
    """Length of the strongest window; 0 = too little is known to say anything."""
    observed: int
    """Events in the window, a single extreme day capped."""
    expected: float
    ratio: float
    dispersion: float
    score: float
    """Decimal orders of magnitude of chance, rounded to 1e-6."""
    threshold: float
    onset: int
    """Midnight UTC of the first day of the rise, in milliseconds since 1970."""
    gates: tuple[Gate, ...]

    @property
    def fired(self) -> bool:
        """Return whether every gate let it pass."""
        return all(gate.passed for gate in self.gates)


class Told(NamedTuple):
    """A ramp that was told and is on."""

    baseline: Baseline
    onset: int
    """Its first day."""
    day: int
    """The day on which it was told last."""
    reached: float
    """How many times its baseline its highest day held then."""


class Ramp:
    """Daily counts of one fingerprint, and the ramp that was told of it, if one is on. Days are days since 1970 UTC."""

    __slots__ = ("counts", "day", "first", "held", "judged", "known_from", "told")

    def __init__(self, day: int) -> None:
        self.day = day
        """The open day."""
        self.first = day
        """The first day with an event; it is not a whole day, so no baseline holds it."""
        self.counts = [0] * RING
        """Oldest first; the last one is the open day's."""
        self.known_from = 0
        """The first day of a level that was accepted: what was before it is no baseline."""
        self.held = (0, 0)
        """From and before which day nothing is learned: the ramp that came down last."""
        self.told: Told | None = None
        self.judged: Told | None = None
        """What `tell` will note; not part of the state, for `judge` and `tell` belong to the same record."""

    def pack(self) -> list[Any]:
        """Return the state as plain values: some 60 bytes for a rare error, under 250 for the busiest."""
        told = [*self.told.baseline, *self.told[1:]] if self.told is not None else None
        return [self.day, self.first, self.known_from, *self.held, self.counts, told]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Ramp":
        """Return what `pack` gave."""
        ramp = cls(fields[0])
        ramp.first, ramp.known_from, ramp.held, ramp.counts = fields[1], fields[2], (fields[3], fields[4]), fields[5]
        told = fields[6]
        ramp.told = Told(Baseline(*told[:4]), *told[4:]) if told is not None else None
        return ramp

    # ------------------------------------------------------------------------------------------------ counting
    def add(self, day: int, count: int = 1) -> bool:
        """Count events of `day`; return whether a day was closed that calls for `judge`.

        A late event is added to its day while the ring holds that, and nothing is decided again.
        """
        calls = self.close(day)
        ago = self.day - day
        if ago < RING:
            self.counts[-1 - ago] += count
            if day < self.first:
                self.first = day
        return calls

    def close(self, day: int) -> bool:
        """Close the days before `day`; return whether what is closed now calls for `judge`."""
        ahead = day - self.day
        if ahead <= 0:
            return False
        fresh = min(ahead, RING)
        self.counts = self.counts[fresh:] + [0] * fresh
        self.day = day
        return self._calls()

    def _calls(self) -> bool:
        """Say, for the price of three short sums, whether the newest days may show a ramp, or the end of one."""
        if self.told is not None:
            return True
        counts = self.counts
        return counts[-2] > 0 and 4 * sum(counts[-4:-1]) > 5 * min(sum(counts[-11:-8]), sum(counts[-18:-15]))

    def count(self, day: int) -> int:
        """Return the events of a day in the ring."""
        return self.counts[day - self.day - 1]

    # ------------------------------------------------------------------------------------------------ decisions
    def judge(self, config: DetectorConfig) -> RampFinding | None:
        """Return the ramp that the closed days show and that is news, or None. `tell` says that it was passed on.

        A ramp that is on ends here: when its days have come back down, or when it stood for so long that it is the new
        level.
        """
        if self.told is not None:
            self._end(self.told, config)
        found, against = self._strongest(config)
        if against is None or not found.fired:
            return None
        onset = self.told.onset if self.told is not None else found.onset // DAY_MS
        self.judged = Told(against, onset, self.day, self._reached(found.days, against))
        return found

    def tell(self) -> None:
        """Note that what `judge` returned was told.

        Its baseline stays as it is, and it is told again only when it has grown by another `grew_factor`.
        """
        if self.judged is not None:
            self.told, self.judged = self.judged, None

    def look(self, config: DetectorConfig) -> RampFinding:
        """Return what the closed days show, fired or not, with every number and gate; changes nothing."""
        return self._strongest(config)[0]

    def _end(self, told: Told, config: DetectorConfig) -> None:
        newest = range(self.day - _LENGTHS[0], self.day)
        expected = math.fsum(map(told.baseline.expected, newest))
        if sum(map(self.count, newest)) <= config.ramp_over_ratio * expected:
            self.held = (told.onset, self.day)
            self.told = None
        elif self.day - told.day > config.ramp_frozen_days:
            self.known_from = told.day
            self.told = None

    # ------------------------------------------------------------------------------------------------ numbers
    def _strongest(self, config: DetectorConfig) -> tuple[RampFinding, Baseline | None]:
        """Return the window that fires, or else the highest score, with its baseline."""
        found: list[tuple[RampFinding, Baseline]] = [
            (self._window(length, against, config), against)
            for longest, against in self._baselines(config)
            for length in _LENGTHS
            if length <= longest
        ]
        if not found:
            known = max(0, self._known_days())
            gate = Gate("days known", known, LEAST_DAYS, passed=False)
            return RampFinding(0, 0, 0.0, 0.0, 1.0, 0.0, config.ramp_score_opens, self.day * DAY_MS, (gate,)), None
        strongest, against = max(found, key=lambda each: (each[0].fired, each[0].score))
        return strongest._replace(onset=self._onset(against, config) * DAY_MS), against

    def _known_days(self) -> int:
        """Return the number of whole closed days that may be compared."""
        return self.day - max(self.first + 1, self.known_from, self.day - RING + 1)

    def _baselines(self, config: DetectorConfig) -> list[tuple[int, Baseline]]:
        """Return the baselines that may be asked, each with the longest window that it may be asked about."""
        if self.told is not None:
            return [(_LENGTHS[-1], self.told.baseline)]
        known = self._known_days()
        found: list[tuple[int, Baseline]] = []
        for lag in _LAGS:
            age = min(lag, known - _WEEK)  # a young error has a week to compare with before it has two
            if age < _LENGTHS[0] or (found and age < lag):
                break
            days = [day for day in range(self.day - known, self.day - age) if not self.held[0] <= day < self.held[1]]
            if len(days) >= _WEEK:
                found.append((age, baseline([(day, self.count(day)) for day in days[-_BASELINE:]], config)))
        return found

    def _window(self, length: int, against: Baseline, config: DetectorConfig) -> RampFinding:
        """Return what the newest days show; its onset is left for the strongest window."""
        days = range(self.day - length, self.day)
        means = [against.expected(day) for day in days]
        counts = _capped([self.count(day) for day in days], means)
        observed, expected = sum(counts), math.fsum(means)
        # The days' own noise, that of the baseline, and what the level may wander from one week to the next.
        noise = against.dispersion * expected * (1 + expected / against.total)
        score = round(rarity(observed, expected, noise + config.ramp_omega * expected * expected), 6)
        ratio = observed / expected
        least = config.ramp_ratio
        if self.told is not None:
            least = max(least, self.told.reached * config.grew_factor)
        high = sum(self._is_high(day, against, config) for day in days)
        gates = (
            Gate("score", score, config.ramp_score_opens, score >= config.ramp_score_opens),
            Gate("times the baseline", round(ratio, 6), round(least, 6), ratio >= least),
            Gate("days above the baseline", high, math.ceil(_HIGH_SHARE * length), high >= _HIGH_SHARE * length),
            Gate("events in these days", observed, config.ramp_least_events, observed >= config.ramp_least_events),
        )
        return RampFinding(
            days=length,
            observed=observed,
            expected=expected,
            ratio=ratio,
            dispersion=against.dispersion,
            score=score,
            threshold=config.ramp_score_opens,
            onset=0,
            gates=gates,
        )

    def _reached(self, length: int, against: Baseline) -> float:
        days = range(self.day - length, self.day)
        means = [against.expected(day) for day in days]
        return max(count / mean for count, mean in zip(_capped([self.count(day) for day in days], means), means))

    def _is_high(self, day: int, against: Baseline, config: DetectorConfig) -> bool:
        return self.count(day) > config.ramp_day_ratio * against.expected(day)

    def _onset(self, against: Baseline, config: DetectorConfig) -> int:
        """Return the first of the high days that reach up to now; between two of them one may be low."""
        onset = day = self.day - 1
        while day > self.day - RING + 1 and onset - day < 2:
            day -= 1
            if self._is_high(day, against, config):
                onset = day
        return onset


def is_weekend(day: int) -> bool:
    """Say whether a day since 1970-01-01, a Thursday, is a Saturday or a Sunday."""
    return (day + 3) % 7 >= 5


def baseline(days: Sequence[tuple[int, int]], config: DetectorConfig) -> Baseline:
    """Return what (day, count) pairs, at least a week of them, say of days to come.

    A burst counts for at most twice the upper quartile and 4 events. The weekend's factor is shrunk to 1, and the
    dispersion, a ratio of sums, to a prior of `ramp_phi_prior` and of days that wander by `ramp_wander`.
    """
    n = len(days)
    cap = 2 * sorted(count for _, count in days)[3 * n // 4] + 4
    of_week = [min(count, cap) for day, count in days if not is_weekend(day)]
    of_weekend = [min(count, cap) for day, count in days if is_weekend(day)]
    kappa = config.season_shrink_events
    weekday = (sum(of_week) + 0.5) / len(of_week)
    weekend = weekday * (sum(of_weekend) + kappa) / (weekday * len(of_weekend) + kappa)
    total = weekday * len(of_week) + weekend * len(of_weekend)
    squares = _squares(of_week, weekday) + _squares(of_weekend, weekend)
    prior = config.ramp_phi_prior + config.ramp_wander * total / n
    weight = config.ramp_prior_days * total / n
    dispersion = (squares * n / (n - 2) + weight * prior) / (total + weight)  # two means were fitted
    return Baseline(weekday, weekend, max(1.0, dispersion), total)


def _squares(counts: Sequence[int], mean: float) -> float:
    return math.fsum((count - mean) * (count - mean) for count in counts)


def _capped(counts: Sequence[int], means: Sequence[float]) -> list[int]:
    """Return the counts, the highest of them cut to `_NEIGHBOUR` times the second highest, season considered."""
    second = sorted(count / mean for count, mean in zip(counts, means))[-2]
    return [min(count, math.ceil(_NEIGHBOUR * second * mean)) for count, mean in zip(counts, means)]
