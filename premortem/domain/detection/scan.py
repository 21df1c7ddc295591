"""Scan: one fingerprint's streaming negative-binomial scan, bucket by bucket, decided on every event.

At the opening of a bucket each window gets the count that cannot fire yet, so that nearly every event costs one
comparison of integers; only a count beyond it is scored. The maths and its sources: docs/detection.md.
"""

from typing import NamedTuple

from premortem.domain.detection.config import DetectorConfig, Rates
from premortem.domain.detection.level import Level
from premortem.domain.detection.own_tail import OwnTail
from premortem.domain.detection.peaks import Peaks
from premortem.domain.detection.tail import NEVER, SAFE, cannot_reach, exact_limit, floor_limit, score
from premortem.domain.detection.windows import Windows, place

NOT_OPEN = -1
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
        "tail",
        "told",
        "windows",
    )

    def __init__(self, at: int, of: Rates, since: int | None = None) -> None:
        """Begin at bucket `at`; `since`: the bucket in which the fingerprint was first seen, if that was before."""
        self.level = Level(at, of, since)
        self.windows = tuple(Windows(track) for track in of.tracks)
        self.count = 0
        """Events in the open bucket."""
        self.peaks = Peaks()
        self.tail = OwnTail()
        self.room = 0
        """Events that the open bucket can take before any window may fire."""
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
        return self.count >= self.room

    def advance(self, to: int, of: Rates, config: DetectorConfig, exposure: tuple[float, ...] | None = None) -> None:
        """Close every bucket before `to`, and open that one. Nobody has said what traffic the ones between had."""
        self._close(self.count, of, config)
        self.count = 0
        self.exposure = None
        level = self.level
        while level.at < to:
            if self.opened_at == NOT_OPEN and to - level.at > 2:
                self._skip(to, of, config)
            else:
                self._close(0, of, config)
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
        self.room = self._room(of, config)

    def _add_late(self, at: int, of: Rates) -> None:
        """Count an event of a closed bucket in the sums that still hold it; nothing is decided again."""
        for k, track in enumerate(of.tracks):
            ago = self.level.at // track.stride - 1 - at // track.stride
            windows = self.windows[k]
            if ago < 0:
                windows.open_count += 1
            elif ago < len(windows.counts):
                if k == 0 and self._learns(of):
                    mean = windows.means[-1 - ago]
                    if windows.counts[-1 - ago] + 1 <= self.level.cap(mean):
                        self.level.a += 1.0
                    if self.level.at - self.level.started <= of.learning_buckets:
                        self.level.first += 1
                windows.add_late(ago)
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
            level.close(count, learns, of, exposure[len(of.tracks[0].cells) - 1])
        at, first = level.at, 0
        for windows, decay in zip(self.windows, of.phi_decays, strict=True):
            ratios = exposure[first:] if exposure is not None else None
            windows.add(count, mean, at, decay, config, learns, ratios)
            first += len(windows.sums)
        if is_hour := at % of.per_hour == 0:
            self._end_hour(learns, of, config)
        if is_hour or at - level.started == of.learning_buckets:
            level.settle(learns, of, config)
        if self.opened_at != NOT_OPEN and at % of.tracks[-1].stride == 0:
            self._close_incident_when_quiet(of, config)

    def _skip(self, to: int, of: Rates, config: DetectorConfig) -> None:
        """Close the empty buckets up to `to`, the next half hour or the end of the first time, at once."""
        level = self.level
        half = max(1, of.per_hour // 2)
        start = level.at
        to = min(to, start - start % half + half)
        if start < level.started + of.learning_buckets:
            to = min(to, level.started + of.learning_buckets)
        means = level.skip(to - start, of)
        for windows, decay in zip(self.windows, of.phi_decays, strict=True):
            windows.skip_buckets(start, means, decay, config)
        if level.at % of.per_hour == 0:
            self._end_hour(True, of, config)
        level.settle(True, of, config)

    def _end_hour(self, learns: bool, of: Rates, config: DetectorConfig) -> None:
        """Note the hour's peaks, and what its highest score says of the fingerprint's tail.

        A peak recurs with its onset: the hours in which an incident began are noted like any others, so that a nightly
        job is known; those that follow are not, or an outage of days would excuse itself.
        """
        hour = self.level.at // of.per_hour - 1
        largest = tuple(count for windows in self.windows for count in windows.largest)
        self.tail.end_hour(self._highest(largest, hour, of, config), of, config)
        for windows in self.windows:
            windows.largest = [0] * len(windows.largest)
        if learns or self.level.at - self.opened_at <= 2 * of.per_hour:
            self.peaks.note(hour, largest)
        self.peaks.forget_before(hour)
        self.level.spread = self.windows[-1].phi(len(of.tracks[-1].cells) - 2, config)  # of a count of 60 minutes

    def _highest(self, largest: tuple[int, ...], hour: int, of: Rates, config: DetectorConfig) -> float:
        """Return the highest raw score of the hour that has ended, of the windows that no recurring peak explains."""
        highest, j = 0.0, -1
        for k, track in enumerate(of.tracks):
            for i in range(len(track.cells)):
                j += 1
                held = largest[j]
                if held < config.least_events or not self._is_ripe(k, i, of.per_hour, of):
                    continue
                total = self.windows[k].totals[i] * self._ratio(j)
                variance, norm = self._variance(k, i, total, of, config), of.norms[k][i]
                if cannot_reach(max(highest, config.tail_from), held, total, variance, norm):
                    continue
                if held > self._veto(j, hour, of, config):
                    highest = max(highest, score(held, total, variance, norm))
        return highest

    # ------------------------------------------------------------------------------------------------ decisions
    def threshold(self, base: float, config: DetectorConfig) -> float:
        """Return the score that the next finding must reach: `base`, or more while an incident is open."""
        return base if self.told < base else self.told * config.grew_factor

    def _is_ripe(self, k: int, i: int, ago: int, of: Rates) -> bool:
        """Return whether window `i` of track `k`, as it stood `ago` buckets before, is within reach."""
        return self._reach(of) - ago >= of.tracks[k].cells[i] * of.tracks[k].stride

    def _reach(self, of: Rates) -> int:
        """Return how many buckets a window may hold: none of the first time, none of an incident that is over."""
        at = self.level.at
        reach = at - self.level.started - of.learning_buckets
        return reach if self.closed_at == NOT_OPEN else min(reach, at - self.closed_at + of.quiet_buckets)

    def _ratio(self, j: int) -> float:
        return 1.0 if self.exposure is None else self.exposure[j]

    def _held(self, k: int, i: int, of: Rates) -> tuple[int, float]:
        """Return what window `i` of track `k` holds with the open bucket, and what it should hold at its end."""
        windows, track = self.windows[k], of.tracks[k]
        width, stride = track.cells[i], track.stride
        held = windows.sums[i] - windows.counts[-width] + windows.open_count + self.count
        left = stride - self.level.at % stride
        total = windows.totals[i] - windows.means[-width] + windows.open_mean + self.level.expected * left
        if self.exposure is not None:
            total *= self.exposure[place(k, of) + i]
        return held, total

    def _variance(self, k: int, i: int, total: float, of: Rates, config: DetectorConfig) -> float:
        phi = self.windows[k].phi(i, config)
        return phi * total + total * total * self._wander(of, config)

    def _wander(self, of: Rates, config: DetectorConfig) -> float:
        """Return the relative variance of an expectation: of the level, and of what a young life has not shown."""
        level = self.level
        hours = (level.at - level.started) // of.per_hour
        unknown = of.unknown[hours] if hours < len(of.unknown) else 0.0
        return config.omega + unknown + 1 / max(level.a, 0.5)

    def _room(self, of: Rates, config: DetectorConfig) -> int:
        """Return how many events the open bucket can take before any window may fire; a cheap lower bound."""
        least = int(config.least_events)
        widest = self.windows[-1]
        room = least - (widest.sums[-1] - widest.counts[0] + widest.open_count)
        if room > 0:  # the widest window holds all that the others hold
            return room
        room = NEVER
        lowest = config.score_opens - SAFE
        at, expected, exposure = self.level.at, self.level.expected, self.exposure
        ripe = self._reach(of)
        wander = self._wander(of, config)
        j = -1
        for k, track in enumerate(of.tracks):
            windows, norms, stride = self.windows[k], of.norms[k], track.stride
            counts, means, sums, totals = windows.counts, windows.means, windows.sums, windows.totals
            held_open = windows.open_count
            mean_open = windows.open_mean + expected * (stride - at % stride)
            for i, width in enumerate(track.cells):
                j += 1
                if ripe < width * stride:
                    continue
                held = sums[i] - counts[-width] + held_open
                limit = least
                if lowest >= norms[i]:
                    total = totals[i] - means[-width] + mean_open
                    if exposure is not None:
                        total *= exposure[j]
                    limit = max(least, floor_limit(total, windows.phi(i, config) * total + total * total * wander))
                if limit - held < room:
                    room = limit - held
        return room

    def judge(self, base: float, of: Rates, config: DetectorConfig) -> Finding | None:
        """Return the strongest window that reaches its limit, or None, and work out how far the next decision is."""
        threshold = self.threshold(base, config)
        raw = self.tail.strain(threshold, config)
        best: Finding | None = None
        if not self.limits:
            self.limits = [0] * sum(len(track.cells) for track in of.tracks)
        limits, count, j = self.limits, self.count, -1
        for k, track in enumerate(of.tracks):
            for i in range(len(track.minutes)):
                j += 1
                if count < limits[j]:
                    continue
                if not self._is_ripe(k, i, 0, of):
                    limits[j] = NEVER
                    continue
                held, total = self._held(k, i, of)
                if not self.exact >> j & 1:
                    limit, exact = self._next_limit(k, i, held, total, raw, of, config)
                    limits[j] = limit - held + count
                    self.exact |= exact << j
                    if not exact or held < limit:
                        continue
                found = self._finding(k, i, held, total, threshold, of, config)
                if best is None or found.score > best.score:
                    best = found
        self.room = max(count + 1, min(limits))
        return best

    def _next_limit(
        self, k: int, i: int, held: int, total: float, raw: float, of: Rates, config: DetectorConfig
    ) -> tuple[int, bool]:
        """Return the number of events with which window `i` of track `k` fires in the open bucket, and True; or, for
        much less work, a number above `held` with which it surely does not yet, plus one, and False.
        """
        least = int(config.least_events)
        if held < least:
            return least, False
        variance, norm = self._variance(k, i, total, of, config), of.norms[k][i]
        if cannot_reach(raw, held, total, variance, norm):
            for further in (2 * held + 8, held + held // 4 + 1):
                if cannot_reach(raw, further, total, variance, norm):
                    return further + 1, False
            return held + 1, False
        rare = exact_limit(raw, total, variance, norm)
        hour = self.level.at // of.per_hour
        return max(least, rare, int(self._veto(place(k, of) + i, hour, of, config)) + 1), True

    def look(self, threshold: float, of: Rates, config: DetectorConfig) -> list[Finding]:
        """Return what every window shows now, whether it fires or not: the numbers behind a silence."""
        return [
            self._finding(k, i, *self._held(k, i, of), threshold, of, config)
            for k, track in enumerate(of.tracks)
            for i in range(len(track.minutes))
        ]

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

    def _finding(
        self, k: int, i: int, held: int, total: float, threshold: float, of: Rates, config: DetectorConfig
    ) -> Finding:
        track, j = of.tracks[k], place(k, of) + i
        found = 0.0
        if self._is_ripe(k, i, 0, of):
            found = score(held, total, self._variance(k, i, total, of, config), of.norms[k][i])
            found = self.tail.ease(found, config)
        return Finding(
            window_minutes=track.minutes[i],
            observed=held,
            expected=total,
            dispersion=self.windows[k].phi(i, config),
            score=found,
            threshold=threshold,
            veto_limit=self._veto(j, self.level.at // of.per_hour, of, config),
            onset=self.level.at - track.cells[i] * track.stride + 1,
            exposure=self._ratio(j),
            tail=round(self.tail.factor, 6),
        )

    def _close_incident_when_quiet(self, of: Rates, config: DetectorConfig) -> None:
        """Close the incident when the last quiet time held no more than little above what was expected."""
        if self.level.at - self.fired_at < of.quiet_buckets:
            return
        track, windows = of.tracks[-1], self.windows[-1]
        i = max((n for n, minutes in enumerate(track.minutes) if minutes <= config.quiet_minutes), default=0)
        if windows.sums[i] <= config.quiet_ratio * windows.totals[i]:
            self.closed_at = self.level.at
            self.opened_at = NOT_OPEN
            self.protects = False
            self.told = 0.0
