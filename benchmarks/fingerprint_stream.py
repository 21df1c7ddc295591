"""A stream of one project with many fingerprints: a few of them active, the others seen once or twice and remembered.

Active fingerprints come at random, at rates that fall as a power of their rank: from one an hour on average, the most
frequent ten thousand times as often as the rarest. Each of the others is seen a first time while the stream begins,
and once more, in its turn, later. Two streams with other numbers of fingerprints have the same rate of each.
"""

import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate

from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
_START = 1_795_360_907_000
_HOUR_MS = 3_600_000
_ACTIVE = 20
"""One fingerprint in so many is active."""
_RAREST = 1e-4
"""The rate of the rarest active fingerprint, over that of the most frequent one."""
_REMEMBERED = 50
"""One event in so many is of a fingerprint that is only remembered."""


def hashes(number: int) -> tuple[Fingerprint, ...]:
    """Return the one to three hashes of a fingerprint."""
    return tuple(Fingerprint(f"{(3 * number + k + 1) * _SPREAD % (1 << 128):032x}") for k in range(1 + number % 3))


def error(number: int, at: int, fingerprint: int) -> ErrorSeen:
    """Return the error of an event: handled, so that nothing but its numbers can make it an incident."""
    return ErrorSeen(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        received_at=at,
        event_id=EventId(f"{number * _SPREAD % (1 << 128):032x}"),
        hashes=hashes(fingerprint),
        occurred_at=at - 200,
        level="error",
        handled=True,
        title=f"ValueError: invalid value number {fingerprint}",
        culprit=f"shop.module{fingerprint % 1000} in checkout",
        platform="python",
        root_type=f"ValueError{fingerprint % 700}",
        release="shop@1.2.3",
        environment="production",
        user_hash=f"{number % 5000:016x}",
        body_hash=f"{number:064x}",
    )


class Stream:
    """The events of `count` fingerprints; the active ones have `per_hour` on average."""

    def __init__(self, count: int, per_hour: float, seed: int = 1) -> None:
        self.count, self.active = count, count // _ACTIVE
        self.number = 0
        """Events so far."""
        self._chance = random.Random(seed)
        self._at = float(_START)
        self._step = _HOUR_MS / (per_hour * self.active) * (1 - 1 / _REMEMBERED)
        least = _RAREST
        rates = [least / (1 - (n + 0.5) / self.active * (1 - least)) for n in range(self.active)]
        self._chance.shuffle(rates)  # who is frequent has nothing to do with who came first
        self._cumulative = list(accumulate(rates))
        self._again = 0

    @property
    def hours(self) -> float:
        """Return how long the stream has lasted."""
        return (self._at - _START) / _HOUR_MS

    def begin(self, hours: float) -> Iterator[ErrorSeen]:
        """Yield the events of the first `hours`, in which each of those that are not active is seen a first time."""
        others = self.count - self.active
        until = self._at + hours * _HOUR_MS
        born = 0
        while self._at < until or born < others:
            due = min(others, int((self._at - _START) / (until - _START) * others) + 1)
            while born < due:
                yield self._event(_other(born))
                born += 1
            yield self._event(self._active())
            self._at += self._step

    def go_on(self, events: int) -> Iterator[ErrorSeen]:
        """Yield the next events."""
        for n in range(events):
            if n % _REMEMBERED:
                yield self._event(self._active())
            else:
                self._again = (self._again + 7_368_787) % (self.count - self.active)
                yield self._event(_other(self._again))
            self._at += self._step

    def _active(self) -> int:
        return bisect(self._cumulative, self._chance.random() * self._cumulative[-1]) * _ACTIVE

    def _event(self, fingerprint: int) -> ErrorSeen:
        self.number += 1
        return error(self.number, int(self._at), fingerprint)


def _other(number: int) -> int:
    """Return a fingerprint that is not active, given its number among those."""
    return number + number // (_ACTIVE - 1) + 1
