"""Novelty: whether a new error stands out among the errors of its project that were new before it.

How often new errors come in their first quarter of an hour, hour and day is measured per project, and a count is
scored against that: the decimal logarithm of its chance under a negative binomial with the measured mean and
variance, in the unit of every other score here. Which fingerprints are new is exact; nothing is sampled or hashed away.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from premortem.domain.detection import users
from premortem.domain.detection.config import MINUTE_MS, DetectorConfig
from premortem.domain.detection.tail import NEVER, exact_limit

HORIZONS = (15, 60, 1_440)
"""Minutes after the first event within which an error is news."""
_FROM = tuple(tuple(range(first, len(HORIZONS))) for first in range(len(HORIZONS) + 1))
"""Of each horizon, it and those behind it."""
_MOST = 1_024
"""At so many new errors the sums are halved, so that a project's habits may change."""
_HOUR = 1
"""The horizon by which a project is judged that has had few new errors."""
_LEAST_EVENTS = 3
_LEAST_USERS = 2


News = Literal["novelty", "environment", "release"]
"""Why an error is news: never sent before, new in an environment, back in a release that came after it was gone."""


class StandsOut(NamedTuple):
    """A count of a new error against the smallest that would stand out."""

    minutes: int
    number: int
    limit: int
    is_over: bool = False
    """The time is over in which it could."""

    @property
    def passed(self) -> bool:
        """Return whether the count stands out."""
        return self.number >= self.limit and not self.is_over


class Young:
    """What is counted of one error while it is news. `since` in milliseconds since 1970 UTC."""

    __slots__ = ("events", "people", "reason", "since", "told", "users")

    def __init__(self, since: int, reason: News = "novelty") -> None:
        self.since = since
        self.reason = reason
        self.events = [0] * len(HORIZONS)
        self.people = [0] * len(HORIZONS)
        self.users = 0
        """The distinct users so far, as a bitmap (`users`)."""
        self.told = False
        """It has opened an incident; it is counted on, as one of those that others are compared with."""

    def pack(self) -> list[Any]:
        """Return the state as plain lists."""
        return [self.since, self.reason, self.events, self.people, users.pack(self.users), self.told]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Young":
        """Return what `pack` gave."""
        young = cls(fields[0], fields[1])
        young.events, young.people = fields[2], fields[3]
        young.users, young.told = users.unpack(fields[4]), fields[5]
        return young


def is_over(young: Young, at: int) -> bool:
    """Return whether the error is news no longer at this time (ms since 1970 UTC)."""
    return (at - young.since) // MINUTE_MS >= HORIZONS[-1]


class NewErrors:
    """Sums over a project's new errors: how many, and per horizon their events and users, plain and squared.

    Integers, so that any order of the same events gives the same sums.
    """

    def __init__(self) -> None:
        self.born = 0
        self.events = [0] * len(HORIZONS)
        self.events_squared = [0] * len(HORIZONS)
        self.people = [0] * len(HORIZONS)
        """Distinct users, summed over the errors."""
        self.people_squared = [0] * len(HORIZONS)
        self.event_limits = [NEVER] * len(HORIZONS)
        """What stands out, as worked out from the sums when the last error was born that called for it."""
        self.user_limits = [NEVER] * len(HORIZONS)
        self.measured_at = 0
        """At so many errors it is to be worked out anew."""

    def pack(self) -> list[Any]:
        """Return the state as plain lists."""
        sums = [self.events, self.events_squared, self.people, self.people_squared]
        return [self.born, *sums, self.event_limits, self.user_limits, self.measured_at]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "NewErrors":
        """Return what `pack` gave."""
        found = cls()
        found.born, found.events, found.events_squared, found.people, found.people_squared = fields[:5]
        found.event_limits, found.user_limits, found.measured_at = fields[5:]
        return found

    def bear(self, config: DetectorConfig) -> None:
        """Count one more new error."""
        if self.born >= _MOST:
            self.born //= 2
            self.measured_at = self.born
            for sums in (self.events, self.events_squared, self.people, self.people_squared):
                sums[:] = [each // 2 for each in sums]
        if self.born >= max(self.measured_at, config.novelty_known):
            self._measure(config)
        self.born += 1

    def count(self, young: Young, at: int, user: str | None) -> None:
        """Count an event of a young error in every horizon that is not over. Only novelty teaches the sums."""
        first = bisect_right(HORIZONS, (at - young.since) // MINUTE_MS)
        teaches = young.reason == "novelty"
        counts, sums, squared = young.events, self.events, self.events_squared
        for i in _FROM[first]:
            before = counts[i]
            counts[i] = before + 1
            if teaches:
                sums[i] += 1
                squared[i] += 2 * before + 1
        if user:
            bitmap = users.add(young.users, user)
            if bitmap != young.users:
                young.users = bitmap
                self._count_people(young, first, users.estimate(bitmap), teaches)

    def _count_people(self, young: Young, first: int, people: int, teaches: bool) -> None:
        for i in _FROM[first]:
            before = young.people[i]
            young.people[i] = people
            if teaches:
                self.people[i] += people - before
                self.people_squared[i] += people * people - before * before

    def stands_out(self, young: Young, at: int, config: DetectorConfig) -> bool:
        """Return whether its events or its distinct users stand out in any horizon that is not over."""
        minutes = (at - young.since) // MINUTE_MS
        events, people = young.events, young.people
        if self._is_young(young, config):
            many = events[_HOUR] >= config.novelty_events or people[_HOUR] >= config.novelty_users
            return many and minutes < HORIZONS[_HOUR]
        for i in _FROM[bisect_right(HORIZONS, minutes)]:
            if events[i] >= self.event_limits[i] or people[i] >= self.user_limits[i]:
                return True
        return False

    def is_some(self, young: Young) -> bool:
        """Return whether it has come more than by the way, though it need not stand out."""
        return young.events[_HOUR] >= _LEAST_EVENTS or young.people[_HOUR] >= _LEAST_USERS

    def look(self, young: Young, at: int, config: DetectorConfig) -> tuple[StandsOut, StandsOut]:
        """Return, of events and of users, the horizon that passes or is nearest to it: the numbers behind a silence."""
        found = self._all(young, at, config)
        middle = len(found) // 2
        return _nearest(found[:middle]), _nearest(found[middle:])

    def _all(self, young: Young, at: int, config: DetectorConfig) -> list[StandsOut]:
        """Return the events of each horizon that is not over, then the users of each, against their limits."""
        minutes = (at - young.since) // MINUTE_MS
        if self._is_young(young, config):
            hour = HORIZONS[_HOUR]
            return [
                StandsOut(hour, young.events[_HOUR], int(config.novelty_events), minutes >= hour),
                StandsOut(hour, young.people[_HOUR], int(config.novelty_users), minutes >= hour),
            ]
        return [
            StandsOut(horizon, counts[i], limits[i], minutes >= horizon)
            for counts, limits in ((young.events, self.event_limits), (young.people, self.user_limits))
            for i, horizon in enumerate(HORIZONS)
        ]

    def _is_young(self, young: Young, config: DetectorConfig) -> bool:
        """Return whether the project has had too few other new errors to have a habit."""
        return self.born - (young.reason == "novelty") < config.novelty_known

    def _measure(self, config: DetectorConfig) -> None:
        """Work out what would stand out from here on, and when to do so again: a few times as their number doubles."""
        self.measured_at = self.born + max(1, self.born // 2)
        n = max(1, self.born)
        self.event_limits = [
            max(_LEAST_EVENTS, _limit(plain / n, squared / n, config.novelty_score))
            for plain, squared in zip(self.events, self.events_squared, strict=True)
        ]
        self.user_limits = [
            max(_LEAST_USERS, _limit(plain / n, squared / n, config.novelty_score))
            for plain, squared in zip(self.people, self.people_squared, strict=True)
        ]


@lru_cache(maxsize=1024)
def _limit(mean: float, square: float, score: float) -> int:
    """Return the smallest count as rare as `score` asks, among errors with this mean (square) count."""
    mean = max(0.01, mean)
    return exact_limit(score, mean, max(mean * 1.01, square - mean * mean), 0.0)


def _nearest(found: Sequence[StandsOut]) -> StandsOut:
    return max(found, key=lambda each: (not each.is_over, each.number - each.limit))
