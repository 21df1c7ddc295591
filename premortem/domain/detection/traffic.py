"""Traffic: how many sessions a project has, against what is usual at this hour: what its errors may be measured by.

Five times the sessions with five times the errors is no outage; a tenth of the sessions with the usual errors is one.
One number per window, 1 = as usual; what little traffic says, and what retries may cause, counts as usual
(docs/detection-traffic.md).
"""

import math
from collections.abc import Sequence
from typing import Any

from premortem.domain.detection.config import DEFAULT, MINUTE_MS, DetectorConfig
from premortem.domain.detection.level import slot_of
from premortem.domain.project_stream import SessionsCounted

LAG_MINUTES = 3
"""A minute is asked about from three minutes after its start, and what arrives for it later is not counted: SDKs report
a minute's sessions when it is over, up to a minute later, and the gateway's clock is not theirs. So what is observed
and what is expected are equally complete."""
RING = 300
"""Minutes kept: the widest window, the lag, and room for an event that is late itself."""
_DAY = 24
"""Hours that must be known before anything is said."""
_OFF_MINUTES = 240
"""After so long without a record, none are reported any more;"""
_FORGET_MINUTES = 7 * 1_440
"""and after so long, what was usual is forgotten."""
_DECAY = math.exp(-math.log(2) / 72)
"""The whole level is learned as fast as that of an error (`level_half_life_hours`): else one would excuse the other."""
_VISITS = 8
"""An hour's mean forgets as if it were made of so many days."""
_PIECE = 60
"""Longest stretch of minutes, whose expectation is taken at its middle."""
_WINSOR = 4.0
"""An hour teaches at most this times what was expected, and at least that part of it."""
_PHI = 2.0
"""Variance over mean of the sessions of minutes next to each other."""
_SURE = 4.0
"""Squared number of standard deviations of the sessions' own noise that say nothing."""
_SPREAD_PRIOR = 0.04
"""Squared log error of an hour's expectation, before it is measured: 20 %."""
_SPREAD_MEMORY = 336
"""Hours over which it is measured."""
_SPREAD_MOST = 0.25
"""What one hour's error counts for at most: a surge does not make the traffic unpredictable."""
_UNKNOWN_DAY = 0.25
"""The same for the first weekend, or working day, while only the other kind of day is known: 50 %."""
_FIRM = 2.0
"""From so many times the threshold on, a ratio is believed in full."""


class Traffic:
    """The sessions of one project, or its transactions while it reports no sessions. Minutes since 1970 UTC."""

    __slots__ = ("_cached", "sessions", "transactions")

    def __init__(self) -> None:
        self.sessions: Reports | None = None
        self.transactions: Reports | None = None
        self._cached: tuple[int, tuple[int, ...], DetectorConfig, tuple[float, ...] | None] | None = None

    def add(self, record: SessionsCounted) -> None:
        """Count a record's sessions in the minute that they began in; a record that comes too late counts nowhere."""
        minute = record.started_at // MINUTE_MS
        if not -1 <= record.received_at // MINUTE_MS - minute < LAG_MINUTES:
            return
        if record.unit == "session":
            reports = self.sessions = _live(self.sessions, minute)
        else:
            reports = self.transactions = _live(self.transactions, minute)
        reports.add(minute, record.exited + record.errored + record.crashed + record.abnormal)
        self._cached = None

    def exposure(
        self, minute: int, widths: tuple[int, ...], config: DetectorConfig = DEFAULT
    ) -> tuple[float, ...] | None:
        """Return, for windows of so many minutes, how many times the usual traffic there is, as seen from `minute`.

        The windows end `LAG_MINUTES` before. None = no sessions are reported, or they have been for less than a day.
        """
        cached = self._cached
        if cached is None or cached[:3] != (minute, widths, config):
            reports = next((each for each in (self.sessions, self.transactions) if each and each.is_on(minute)), None)
            found = reports.exposure(minute, widths, config) if reports is not None else None
            cached = self._cached = (minute, widths, config, found)
        return cached[3]

    def pack(self) -> list[Any]:
        """Return the state as plain values, some 1 KB where sessions are reported."""
        return [each.pack() if each is not None else None for each in (self.sessions, self.transactions)]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Traffic":
        """Return what `pack` gave."""
        traffic = cls()
        traffic.sessions, traffic.transactions = (Reports.unpack(each) if each is not None else None for each in fields)
        return traffic


def _live(reports: "Reports | None", minute: int) -> "Reports":
    return Reports(minute) if reports is None or minute - reports.at > _FORGET_MINUTES else reports


class Reports:
    """Counts of one unit per minute, and what each hour of day x {weekday, weekend} usually holds."""

    __slots__ = ("at", "counts", "first_day", "hour", "means", "seen", "spread", "usual", "visits")

    def __init__(self, minute: int) -> None:
        self.at = minute
        """The newest minute with a record."""
        self.counts = [0] * RING
        """Oldest first; the last one is minute `at`."""
        self.hour = minute // 60 + 1
        """The hour that is closed next; the first one is not whole."""
        self.first_day: list[int] | None = []
        """Counts of the first hours, until a day of them says what is usual."""
        self.means = [0.0] * 48
        self.visits = [0] * 48
        self.seen = self.usual = 0.0
        """Counts of the last days, and what their hours usually hold: by how much the whole level has moved."""
        self.spread = _SPREAD_PRIOR
        """Squared log error of an hour's expectation."""

    def pack(self) -> list[Any]:
        """Return the state as plain values."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Reports":
        """Return what `pack` gave."""
        reports = cls(fields[0])
        for name, value in zip(cls.__slots__, fields, strict=True):
            setattr(reports, name, value)
        return reports

    # ------------------------------------------------------------------------------------------------ counting
    def add(self, minute: int, count: int) -> None:
        """Count in a minute; an hour is closed an hour after its end, so that no order of arrival matters."""
        if minute > self.at:
            self._advance(minute)
        ago = self.at - minute
        if ago < RING:
            self.counts[-1 - ago] += count

    def _advance(self, minute: int) -> None:
        last = minute // 60 - 1
        while self.hour < last and self.hour * 60 <= minute - RING:  # before the ring loses it
            self._close_hour()
        fresh = min(minute - self.at, RING)
        self.counts = self.counts[fresh:] + [0] * fresh
        self.at = minute
        while self.hour < last:
            self._close_hour()

    def _held(self, start: int, end: int) -> int:
        """Return the count from one minute to before another; what the ring does not hold is 0."""
        first = self.at - RING + 1
        return sum(self.counts[max(0, start - first) : max(0, end - first)])

    def _close_hour(self) -> None:
        count = self._held(self.hour * 60, self.hour * 60 + 60)
        if self.first_day is None:
            self._learn(self.hour, count)
        else:
            self.first_day.append(count)
            if len(self.first_day) == _DAY:
                self._begin(self.first_day)
        self.hour += 1

    # ------------------------------------------------------------------------------------------------ what is usual
    def _begin(self, counts: Sequence[int]) -> None:
        for ago, count in enumerate(reversed(counts)):
            slot = slot_of(self.hour - ago)
            self.means[slot], self.visits[slot] = float(count), 1
        self.seen = self.usual = float(sum(counts))
        self.first_day = None

    def _usually(self, hour: int) -> tuple[float, bool]:
        """Return what an hour held on average, and whether that is of its own kind of day."""
        slot = slot_of(hour)
        return (self.means[slot], True) if self.visits[slot] else (self.means[(slot + 24) % 48], False)

    def _level(self) -> float:
        """Return by how much the last days were above what is usual."""
        return (self.seen + 1) / (self.usual + 1)

    def _learn(self, hour: int, count: int) -> None:
        usual, known = self._usually(hour)
        expected = usual * self._level()
        taught = min(max(count, expected / _WINSOR), expected * _WINSOR + 10)
        if known:
            error = math.log((taught + 0.5) / (expected + 0.5))
            unforeseen = max(0.0, min(error * error, _SPREAD_MOST) - _PHI / (expected + 1))
            self.spread += (unforeseen - self.spread) / _SPREAD_MEMORY
            self.seen = self.seen * _DECAY + taught
            self.usual = self.usual * _DECAY + usual
        slot = slot_of(hour)
        self.visits[slot] = visits = min(self.visits[slot] + 1, _VISITS)
        self.means[slot] += (taught - self.means[slot]) / visits

    # ------------------------------------------------------------------------------------------------ exposure
    def is_on(self, minute: int) -> bool:
        """Return whether counts of this unit are being reported."""
        return minute - self.at < _OFF_MINUTES

    def exposure(self, minute: int, widths: tuple[int, ...], config: DetectorConfig) -> tuple[float, ...] | None:
        """Return the ratio of each window that ends `LAG_MINUTES` before `minute`."""
        end = minute - LAG_MINUTES + 1
        if self.first_day is not None or end - max(widths) <= self.at - RING:
            return None
        return tuple(self._ratio(end - width, end, config) for width in widths)

    def _ratio(self, start: int, end: int, config: DetectorConfig) -> float:
        observed = self._held(start, end)
        if not observed:  # as likely is that reporting has ended
            return 1.0
        expected, unknown = 0.0, False
        for piece in range(start, end, _PIECE):
            width = min(_PIECE, end - piece)
            a_minute, known = self._at(piece + width / 2)
            expected += a_minute * width
            unknown = unknown or not known
        variance = _SURE * _PHI / (min(observed, expected) + 1) + self.spread + (_UNKNOWN_DAY if unknown else 0.0)
        change = math.log((observed + 0.5) / (expected + 0.5))
        believed = firm(change, math.log(config.exposure_tolerance) + math.sqrt(variance))
        return round(min(config.exposure_most, max(config.exposure_least, math.exp(believed))), 6)

    def _at(self, minute: float) -> tuple[float, bool]:
        """Return what a minute should hold, between the middles of two hours; and whether both are known."""
        hours = minute / 60 - 0.5
        hour = math.floor(hours)
        (first, knows_first), (second, knows_second) = self._usually(hour), self._usually(hour + 1)
        mean = first + (second - first) * (hours - hour)
        return mean / 60 * self._level(), knows_first and knows_second


def firm(change: float, threshold: float) -> float:
    """Return nothing of a change up to the threshold, all of it from `_FIRM` times that on, and in between a part.

    Firm shrinkage: Gao and Bruce, WaveShrink with firm shrinkage, Statistica Sinica 7 (1997).
    """
    size = abs(change)
    if size <= threshold:
        return 0.0
    if size >= _FIRM * threshold:
        return change
    return math.copysign((size - threshold) * _FIRM / (_FIRM - 1), change)
