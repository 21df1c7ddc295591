"""Scan: one fingerprint's streaming negative-binomial scan, bucket by bucket, decided on every event.

At the opening of a bucket each window gets the count that cannot fire yet, so that nearly every event costs one
comparison of integers; only a count beyond it is scored. The maths and its sources: docs/detection.md.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from premortem.domain.detection.config import DetectorConfig, Rates
from premortem.domain.detection.gap import Gap
from premortem.domain.detection.level import Level
from premortem.domain.detection.own_tail import OwnTail
from premortem.domain.detection.peaks import Peaks
from premortem.domain.detection.tail import NEVER, SAFE, cannot_reach, exact_limit, floor_limit, score
from premortem.domain.detection.windows import Windows

NOT_OPEN = -1
_STEPPED = 4
"""Empty buckets that are closed one by one: a sweep would cost more."""
_ROUGH = 2
"""Of a quiet fingerprint, the second event in a bucket is the first that asks what the bucket can take,"""
_MANY = 12
"""and quiet is one with fewer events in its widest window."""
_MOST_EXPOSED = 20.0
"""No more, and no less than one over it, does traffic change what is expected: a count of sessions may be wrong."""


class Finding(NamedTuple):
    """A window that holds more than chance explains. Times in buckets since 1970."""

    window_minutes: int
    observed: int
    expected: float
    dispersion: float
    score: float
    threshold: float
    veto_limit: float
    onset: int
    exposure: float = 1.0
    """What the expectation was multiplied by, for the window's traffic."""
    tail: float = 1.0
    """What the score above `tail_from` was divided by, for the fingerprint's own heavy tail."""

    def fires(self, config: DetectorConfig) -> bool:
        """Return whether the window passes every gate of its own."""
        return self.score >= self.threshold and self.observed >= config.least_events and self.observed > self.veto_limit


class Scan:
    """The state of one fingerprint's windows, level and open incident; `level.at` is the open bucket."""

    __slots__ = (
        "closed_at",
        "count",
        "exact",
        "exposure",
        "fired_at",
        "level",
        "limits",
        "opened_at",
        "peaks",
        "protects",
        "room",
        "rough",
        "tail",
        "told",
        "windows",
    )

    def __init__(self, at: int, of: Rates, since: int | None = None) -> None:
        """Begin at bucket `at`; `since`: the bucket in which the fingerprint was first seen, if that was before."""
        self.level = Level(at, of, since)
        self.windows = Windows(of)
        self.count = 0
        """Events in the open bucket."""
        self.peaks = Peaks()
        self.tail = OwnTail()
        self.room = 0
        """Events that the open bucket can take before any window may fire."""
        self.rough = False
        """`room` is a rough one, and to be worked out when it is used up."""
        self.limits: list[int] = []
        """Of each window, the `count` of the open bucket that it surely does not fire below; empty = not worked out."""
        self.exact = 0
        """Bit j = window j fires at its limit."""
        self.exposure: tuple[float, ...] | None = None
        """Of the open bucket: the traffic of each window over what it should be; None = as usual."""
        self.opened_at = NOT_OPEN
        self.fired_at = NOT_OPEN
        self.closed_at = NOT_OPEN
        self.protects = False
        self.told = 0.0
        """Score of the last finding that was told of the open incident."""

    # ------------------------------------------------------------------------------------------------ events
    def add(self, at: int, of: Rates, config: DetectorConfig, exposure: tuple[float, ...] | None = None) -> bool:
        """Count an event in bucket `at`; return whether a window may fire (then `judge` decides).

        `exposure` is of the bucket, and fixed when its first event opens it.
        """
        ahead = at - self.level.at
        if ahead < 0:
            self._add_late(at, of)
            return False
        if ahead:
            self.advance(at, of, config, exposure)
        self.count += 1
        if self.count < self.room:
            return False
        if self.rough:
            self.room = self._room(False, of, config)
        return self.count >= self.room

    def advance(self, to: int, of: Rates, config: DetectorConfig, exposure: tuple[float, ...] | None = None) -> None:
        """Close every bucket before `to`, and open that one. Nobody has said what traffic the ones between had."""
        self._close(self.count, of, config)
        self.count = 0
        self.exposure = None
        level = self.level
        while level.at < to and (self.opened_at != NOT_OPEN or to - level.at <= _STEPPED):
            self._close(0, of, config)
        if level.at < to:
            Gap(level, self.windows, to, of, config).cross(self._end_hour)
        self.open(of, config, exposure)

    def open(self, of: Rates, config: DetectorConfig, exposure: tuple[float, ...] | None = None) -> None:
        """Work out what the open bucket can take; to be called once on a new scan, `advance` does it for the next.

        `exposure`: of each window, in their order, observed sessions over expected ones; None = as usual.
        """
        if exposure is not None:
            exposure = tuple(min(_MOST_EXPOSED, max(1 / _MOST_EXPOSED, ratio)) for ratio in exposure)
        self.exposure = exposure
        self.limits = []
        self.exact = 0
        self.room = self._room(True, of, config)

    def _add_late(self, bucket: int, of: Rates) -> None:
        """Count an event of a closed bucket in the sums that still hold it; nothing is decided again."""
        level = self.level
        held = self.windows.bucket(bucket, level.at, of)
        if held is not None and self._learns(of):
            count, mean = held
            if count + 1 <= level.cap(mean):
                level.a += 1.0
            if level.at - level.started <= of.learning_buckets:
                level.first += 1
        self.windows.add_late(bucket, level.at, of)
        self.room -= 1
        self.limits = [limit - 1 for limit in self.limits]
        self.exact = 0  # the windows that do not hold the late event fire an event later than that

    # ------------------------------------------------------------------------------------------------ buckets
    def _learns(self, of: Rates) -> bool:
        """Return whether the baseline may learn: not while an incident is open, for as long as it is protected."""
        return not (self.protects and self.level.at - self.opened_at < of.protect_buckets)

    def _close(self, count: int, of: Rates, config: DetectorConfig) -> None:
        level = self.level
        mean = level.expected
        learns = not self.protects or self._learns(of)
        exposure = self.exposure
        if exposure is None:
            level.close(count, learns, of)
        else:
            level.close(count, learns, of, exposure[of.fine - 1])
        at = level.at
        self.windows.close(count, mean, at, learns, exposure, of, config)
        if is_hour := at % of.per_hour == 0:
            self._end_hour(learns, lambda j: self.windows.closed_total(j, of), of, config)
        if is_hour or at - level.started == of.learning_buckets:
            level.settle(learns, of, config)
        if self.opened_at != NOT_OPEN and at % of.cell == 0:
            self._close_incident_when_quiet(of, config)

    def _end_hour(self, learns: bool, total: Callable[[int], float], of: Rates, config: DetectorConfig) -> None:
        """Note the hour's peaks, and what its highest score says of the fingerprint's tail.

        A peak recurs with its onset: the hours in which an incident began are noted like any others, so that a nightly
        job is known; those that follow are not, or an outage of days would excuse itself. `total`: what the closed
        buckets of a window should have held.
        """
        hour = self.level.at // of.per_hour - 1
        largest, highest = self.windows.largest, 0.0
        if max(largest) >= config.least_events:
            highest = self._highest(largest, hour, total, of, config)
        self.tail.end_hour(highest, of, config)
        self.peaks.forget_before(hour)
        if any(largest):
            self.windows.largest = [0] * len(largest)
            if learns or self.level.at - self.opened_at <= 2 * of.per_hour:
                self.peaks.note(hour, largest)
            an_hour = len(of.buckets) - 2
            total(an_hour)
            self.level.spread = self.windows.dispersion.phi(an_hour, of, config)

    def _highest(
        self, largest: Sequence[int], hour: int, total: Callable[[int], float], of: Rates, config: DetectorConfig
    ) -> float:
        """Return the highest raw score of the hour that has ended, of the windows that no recurring peak explains; not
        less than where tails begin.
        """
        highest, exposure = config.tail_from, self.exposure
        reach, wander = self._reach(of) - of.per_hour, self._wander(of, config)
        for j, held in enumerate(largest):
            if held < config.least_events or reach < of.buckets[j]:
                continue
            expected = total(j)
            if exposure is not None:
                expected *= exposure[j]
            if held <= expected:
                continue
            variance = self.windows.dispersion.phi(j, of, config) * expected + expected * expected * wander
            if cannot_reach(highest, held, expected, variance, of.norms[j]):
                continue
            if held > self._veto(j, hour, of, config):
                highest = max(highest, score(held, expected, variance, of.norms[j]))
        return highest

    # ------------------------------------------------------------------------------------------------ decisions
    def threshold(self, base: float, config: DetectorConfig) -> float:
        """Return the score that the next finding must reach: `base`, or more while an incident is open."""
        return base if self.told < base else self.told * config.grew_factor

    def _is_ripe(self, j: int, ago: int, of: Rates) -> bool:
        """Return whether window `j`, as it stood `ago` buckets before, is within reach."""
        return self._reach(of) - ago >= of.buckets[j]

    def _reach(self, of: Rates) -> int:
        """Return how many buckets a window may hold: none of the first time, none of an incident that is over."""
        at = self.level.at
        reach = at - self.level.started - of.learning_buckets
        return reach if self.closed_at == NOT_OPEN else min(reach, at - self.closed_at + of.quiet_buckets)

    def _ratio(self, j: int) -> float:
        return 1.0 if self.exposure is None else self.exposure[j]

    def _held(self, j: int, of: Rates) -> tuple[int, float]:
        """Return what window `j` holds with the open bucket, and what it should hold at its end."""
        total = self.windows.total(j, self.level.at, self.level.expected, of)
        return self.windows.held(j, self.count, of), total * self._ratio(j)

    def _variance(self, j: int, total: float, of: Rates, config: DetectorConfig) -> float:
        phi = self.windows.dispersion.phi(j, of, config)
        return phi * total + total * total * self._wander(of, config)

    def _wander(self, of: Rates, config: DetectorConfig) -> float:
        """Return the relative variance of an expectation: of the level, and of what a young life has not shown."""
        level = self.level
        hours = (level.at - level.started) // of.per_hour
        unknown = of.unknown[hours] if hours < len(of.unknown) else 0.0
        return config.omega + unknown + 1 / max(level.a, 0.5)

    def _room(self, rough: bool, of: Rates, config: DetectorConfig) -> int:
        """Return how many events the open bucket can take before any window may fire; a cheap lower bound.

        A `rough` one is no more than `_ROUGH`, and looks at no window that hardly holds anything.
        """
        least, windows, level = int(config.least_events), self.windows, self.level
        room = least - windows.held(len(of.buckets) - 1, 0, of)
        self.rough = False
        if room > 0:  # the widest window holds all that the others hold
            return room
        if rough and room > _ROUGH - _MANY:
            self.rough = True
            room = _ROUGH
        else:
            room = NEVER
        ripe, wander, lowest = self._reach(of), self._wander(of, config), config.score_opens - SAFE
        at, expected, exposure, norms = level.at, level.expected, self.exposure, of.norms
        for j in range(len(of.buckets) - 1, -1, -1):
            held = windows.held(j, 0, of)
            if ripe < of.buckets[j] or least - held >= room:
                continue
            limit = least
            if lowest >= norms[j]:
                total = windows.total(j, at, expected, of)
                if exposure is not None:
                    total *= exposure[j]
                phi = windows.dispersion.phi(j, of, config)
                limit = max(least, floor_limit(total, phi * total + total * total * wander))
            if limit - held < room:
                room = limit - held
        return room

    def judge(self, base: float, of: Rates, config: DetectorConfig) -> Finding | None:
        """Return the strongest window that reaches its limit, or None, and work out how far the next decision is."""
        threshold = self.threshold(base, config)
        raw = self.tail.strain(threshold, config)
        best: Finding | None = None
        if not self.limits:
            self.limits = [0] * len(of.buckets)
        limits, count = self.limits, self.count
        for j in range(len(limits)):
            if count < limits[j]:
                continue
            if not self._is_ripe(j, 0, of):
                limits[j] = NEVER
                continue
            held, total = self._held(j, of)
            if not self.exact >> j & 1:
                limit, exact = self._next_limit(j, held, total, raw, of, config)
                limits[j] = limit - held + count
                self.exact |= exact << j
                if not exact or held < limit:
                    continue
            found = self._finding(j, held, total, threshold, of, config)
            if best is None or found.score > best.score:
                best = found
        self.room = max(count + 1, min(limits))
        return best

    def _next_limit(
        self, j: int, held: int, total: float, raw: float, of: Rates, config: DetectorConfig
    ) -> tuple[int, bool]:
        """Return the number of events with which window `j` fires in the open bucket, and True; or, for
        much less work, a number above `held` with which it surely does not yet, plus one, and False.
        """
        least = int(config.least_events)
        if held < least:
            return least, False
        variance, norm = self._variance(j, total, of, config), of.norms[j]
        if cannot_reach(raw, held, total, variance, norm):
            for further in (2 * held + 8, held + held // 4 + 1):
                if cannot_reach(raw, further, total, variance, norm):
                    return further + 1, False
            return held + 1, False
        rare = exact_limit(raw, total, variance, norm)
        hour = self.level.at // of.per_hour
        return max(least, rare, int(self._veto(j, hour, of, config)) + 1), True

    def look(self, threshold: float, of: Rates, config: DetectorConfig) -> list[Finding]:
        """Return what every window shows now, whether it fires or not: the numbers behind a silence."""
        return [self._finding(j, *self._held(j, of), threshold, of, config) for j in range(len(of.buckets))]

    def tell(self, found: Finding) -> bool:
        """Note that the finding was told; return whether it opens an incident (else it belongs to the open one)."""
        opens = self.opened_at == NOT_OPEN
        if opens:
            self.opened_at = self.level.at
            self.protects = True
        self.fired_at = self.level.at
        self.told = found.score
        self.limits = []
        self.exact = 0
        return opens

    def open_novel(self) -> None:
        """Note that the fingerprint's novelty opened an incident; a new baseline goes on learning."""
        self.opened_at = self.fired_at = self.level.at

    def _veto(self, j: int, hour: int, of: Rates, config: DetectorConfig) -> float:
        """Return the count that a recurring peak explains in window `j` at `hour`: with less traffic, less."""
        is_young = self.level.at - self.level.started < of.young_buckets
        return self.peaks.limit(j, hour, is_young, config) * min(1.0, self._ratio(j))

    def _finding(self, j: int, held: int, total: float, threshold: float, of: Rates, config: DetectorConfig) -> Finding:
        found = 0.0
        if self._is_ripe(j, 0, of):
            found = score(held, total, self._variance(j, total, of, config), of.norms[j])
            found = self.tail.ease(found, config)
        return Finding(
            window_minutes=of.minutes[j],
            observed=held,
            expected=total,
            dispersion=self.windows.dispersion.phi(j, of, config),
            score=found,
            threshold=threshold,
            veto_limit=self._veto(j, self.level.at // of.per_hour, of, config),
            onset=self.level.at - of.buckets[j] + 1,
            exposure=self._ratio(j),
            tail=round(self.tail.factor, 6),
        )

    def _close_incident_when_quiet(self, of: Rates, config: DetectorConfig) -> None:
        """Close the incident when the last quiet time held no more than little above what was expected."""
        if self.level.at - self.fired_at < of.quiet_buckets:
            return
        wide = range(of.fine, len(of.minutes))
        j = max((j for j in wide if of.minutes[j] <= config.quiet_minutes), default=of.fine)
        if self.windows.sums[j] <= config.quiet_ratio * self.windows.totals[j]:
            self.closed_at = self.level.at
            self.opened_at = NOT_OPEN
            self.protects = False
            self.told = 0.0
