"""Arrivals: what a release brought to an incident so far, and how much likelier it brought one more than chance did.

The chance of both is that of a new error (or a burst of an old one) this long after the release:

- by the release: it brings what it brings at a rate that dies away exponentially, at a pace that its own errors tell.
  With a Gamma prior the time of the next one is Lomax distributed; with k = n + 1 and s = prior + all delays,
  rate(t) = n f(t) / F(t),  f(t) = k / (s + t) (s / (s + t))^k,  F(t) = 1 - (s / (s + t))^k;
- by chance: at the pace of incidents in the environment (`pace.py`), of either kind alike;
- times how much likelier a deploy has an error of this type than an unrelated fault has, and of this module: by the
  urn of a Dirichlet process whose base is the project (Blackwell and MacQueen 1973),
  (members with it / share of it in the project + c) / (members + c).  How much the errors of one deploy are alike is
  told by themselves: c is one of `_SPREADS`, each with the chance of so many different ones among them (Antoniak 1974).
"""

import math
from operator import mul
from typing import Any, Literal, NamedTuple

from premortem.domain.detection.config import MINUTE_MS, DetectorConfig

_SPREADS = (1.0, 4.0, 16.0, 64.0)
_MANY = 40
"""From so many members on, even odds are enough."""
_LEAST_DELAY_MS = 1_000
_MOST_VALUES = 64


class Mark(NamedTuple):
    """A type or a module, whether common or not."""

    kind: Literal["module", "type"]
    value: str
    share: float
    """Of the project's errors that have it."""


class Arrival(NamedTuple):
    """A signal of a new release: how long after it, and what it shares with others of the project."""

    delay: int
    """Milliseconds of event time from the release to the onset; negative when the onset seems to be before it."""
    is_new: bool
    """An error that no earlier release had; otherwise a burst of an old one."""
    marks: tuple["Mark", ...]
    """Its type and its module; none where too little is known of the project."""


class Odds(NamedTuple):
    """How many times likelier than chance a release brought an error, and how many are asked for."""

    found: float
    least: float

    @property
    def passed(self) -> bool:
        """Return whether it is put down to the release."""
        return self.found >= self.least


class Arrivals:
    """Of one release in one incident: sums over what joined by it. Integers, so that no order matters."""

    __slots__ = ("bursts", "delays", "marks", "new")

    def __init__(self) -> None:
        self.new = 0
        self.bursts = 0
        self.delays = 0
        """Milliseconds, summed."""
        self.marks: dict[str, dict[str, int]] = {"module": {}, "type": {}}
        """Kind -> value -> how many of the new errors have it."""

    def add(self, arrival: Arrival) -> None:
        """Count a member."""
        self.delays += max(0, arrival.delay)
        if not arrival.is_new:
            self.bursts += 1
            return
        self.new += 1
        for mark in arrival.marks:
            self._mark(mark.kind, mark.value, 1)

    def absorb(self, other: "Arrivals") -> None:
        """Count the members of another incident that was merged into this one."""
        self.new += other.new
        self.bursts += other.bursts
        self.delays += other.delays
        for kind, counts in other.marks.items():
            for value, count in counts.items():
                self._mark(kind, value, count)

    def _mark(self, kind: str, value: str, count: int) -> None:
        counts = self.marks[kind]
        if value in counts or len(counts) < _MOST_VALUES:
            counts[value] = counts.get(value, 0) + count

    def odds(self, arrival: Arrival, by_chance: float, config: DetectorConfig) -> Odds:
        """Return how many times likelier the release brought it than chance, to a thousandth.

        `by_chance`: incidents per millisecond that begin in the environment anyway. A stray is one member of n + 1, and
        an error that is left out is one incident more: so as the incident grows, in the end even odds are enough.
        """
        members = self.new + self.bursts
        share = (1 + (self.new if arrival.is_new else self.bursts)) / (2 + members)
        likeness = math.prod(_likelier(self.marks[mark.kind], mark) for mark in arrival.marks)
        if not arrival.is_new:
            likeness = max(1.0, likeness)  # a bad deploy breaks what it did not touch, too
        found = self._rate(arrival.delay, config) * share * likeness / (by_chance / 2)
        least = min(config.release_odds, max(1.0, _MANY / (members + 1)))
        return Odds(round(found, 3), round(least, 3))

    def _rate(self, delay: int, config: DetectorConfig) -> float:
        """Return how many more the release brings in a millisecond, so long after it."""
        members = self.new + self.bursts
        shape, scale = members + 1, config.join_minutes / 2 * MINUTE_MS + self.delays
        until = scale + max(_LEAST_DELAY_MS, delay)
        later = math.exp(shape * math.log(scale / until))
        return members * shape / until * later / (1 - later)

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        return [self.new, self.bursts, self.delays, self.marks["module"], self.marks["type"]]

    @classmethod
    def unpack(cls, value: list[Any]) -> "Arrivals":
        """Return the arrivals that `pack` gave."""
        found = cls()
        found.new, found.bursts, found.delays, found.marks["module"], found.marks["type"] = value
        return found


def _likelier(counts: dict[str, int], mark: Mark) -> float:
    """Return how many times likelier one more error of the deploy has this value than an unrelated fault has."""
    members, has = sum(counts.values()), counts.get(mark.value, 0) / mark.share
    logs = [_log_chance(len(counts), members, spread) for spread in _SPREADS]
    chances = [math.exp(log - max(logs)) for log in logs]
    likelier = [(has + spread) / (members + spread) for spread in _SPREADS]
    return math.fsum(map(mul, chances, likelier)) / math.fsum(chances)


def _log_chance(different: int, members: int, spread: float) -> float:
    """Return the logarithm of the chance of so many different values among the members, but for a constant."""
    return different * math.log(spread) + math.lgamma(spread) - math.lgamma(spread + members)
