"""Ordering: records wait for half a second of the stream's time, so that those that come mixed up are judged in order.

The stream's clock is the highest `received_at` that a partition has told. A record waits until the clock has passed it
by the lateness; then it is released, behind everything that was received before it. The order is that of
`received_at`, then of the kind, then of what the record says; never that of its offset. So logs that hold the same
records in different orders are observed alike, as long as no record stands behind one that was received later by the
lateness or more (docs/adr/0012).
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from premortem.domain.project_stream import (
    Deployed,
    DetectorConfigured,
    DropsCounted,
    ErrorSeen,
    Muted,
    ProjectRecord,
    Resolved,
    RuleChanged,
    SessionsCounted,
    SuppressionChanged,
    Ticked,
    decode,
    encode,
)

LATENESS_MS: Final = 500
"""Of the stream's time. It is a partition's, so no project can set it; the gateway's ticks count on it."""

Packed = ProjectRecord | bytes
"""A record, or its bytes: decoded it would be thrice as large, and out of the processor's cache when its turn comes."""
Placed = tuple[int, int, Packed]
"""When it was received, its offset, and the record."""

_NOTHING: tuple[Placed, ...] = ()
_KINDS = (
    *(DetectorConfigured, RuleChanged, Muted, SuppressionChanged, Resolved, Deployed),
    *(SessionsCounted, DropsCounted),
    *(ErrorSeen, Ticked),
)
"""Of the same millisecond: first what says how errors are to be judged, then traffic, errors, and time."""
_RECEIVED: Callable[[Placed], int] = itemgetter(0)
_RANKS: dict[type, int] = {kind: rank for rank, kind in enumerate(_KINDS)}


class Window:
    """The records of one partition that wait for their place."""

    __slots__ = ("_lateness", "_waiting", "late", "newest")

    def __init__(self, lateness_ms: int = LATENESS_MS) -> None:
        self._lateness = lateness_ms
        self._waiting: deque[Placed] = deque()
        """In the order of `received_at`; of the same millisecond in that of the log."""
        self.newest = 0
        """The stream's clock."""
        self.late = 0
        """How many records came when the clock had passed them by the lateness."""

    @property
    def horizon(self) -> int:
        """Return the time up to which everything is released; what was received by then and comes now is late."""
        return self.newest - self._lateness

    def take(self, at: int, offset: int, record: Packed) -> Sequence[Placed] | None:
        """Return what the record, received `at`, releases, in order; None = it is late, and waits for nothing."""
        waiting = self._waiting
        horizon = self.newest - self._lateness
        if at <= horizon:
            self.late += 1
            return None
        if at < self.newest:
            waiting.insert(bisect_right(waiting, at, key=_RECEIVED), (at, offset, record))
            return _NOTHING
        self.newest = at
        waiting.append((at, offset, record))
        horizon = at - self._lateness
        if waiting[0][0] > horizon:
            return _NOTHING
        first = waiting.popleft()
        if not waiting or waiting[0][0] > horizon:
            return (first,)
        waiting.appendleft(first)
        return self._due(horizon)

    def release(self) -> Sequence[Placed]:
        """Return all that still wait, in order: no more records will come."""
        return self._due(self.newest)

    def _due(self, horizon: int) -> Sequence[Placed]:
        waiting = self._waiting
        due = [waiting.popleft() for _ in range(bisect_right(waiting, horizon, key=_RECEIVED))]
        return [placed for _, together in groupby(due, key=_RECEIVED) for placed in in_order(list(together))]

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        return [self.newest, self.late, sorted([at, _encoded(record), offset] for at, offset, record in self._waiting)]

    @classmethod
    def unpack(cls, fields: Sequence[Any], lateness_ms: int = LATENESS_MS) -> "Window":
        """Return the window that `pack` gave."""
        window = cls(lateness_ms)
        window.newest, window.late, waiting = fields
        window._waiting.extend((at, offset, record) for at, record, offset in waiting)
        return window


def in_order(placed: list[Placed]) -> list[Placed]:
    """Return records of one millisecond in their order, decoded; only equal ones may stand either way."""
    if len(placed) == 1:
        return placed
    placed = [(at, offset, _decoded(record)) for at, offset, record in placed]
    keys: list[Any] = [_place(record) for _, _, record in placed]
    if len(set(keys)) < len(keys):  # the same event twice: by what they say, should that differ
        keys = [(key, _encoded(record)) for key, (_, _, record) in zip(keys, placed, strict=True)]
    ordered = sorted(zip(keys, placed, strict=True), key=itemgetter(0))
    return [each for _, each in ordered]


def _place(record: Packed) -> tuple[int, int, str | bytes]:
    """Return the key that a record is sorted by; what is none comes last."""
    if isinstance(record, bytes):
        return len(_KINDS), 0, record
    if isinstance(record, ErrorSeen):
        return _RANKS[ErrorSeen], record.occurred_at, record.event_id
    return _RANKS[type(record)], 0, encode(record)


def _decoded(record: Packed) -> Packed:
    """Return the record; its bytes when they are none: whoever judges it will say so."""
    try:
        return decode(record) if isinstance(record, bytes) else record
    except ValueError:
        return record


def _encoded(record: Packed) -> bytes:
    return record if isinstance(record, bytes) else encode(record)
