"""Ordering: records wait for half a second of the stream's time, so that those that come mixed up are judged in order.

The stream's clock is the highest `received_at` that a partition has told. A record waits until the clock has passed it
by the lateness; then it is released, behind everything that was received before it. The order is that of
`received_at`, then of the kind, then of what the record says; never that of its offset. So logs that hold the same
records in different orders are observed alike, as long as no record stands behind one that was received later by the
lateness or more (docs/adr/0012).
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
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
    Ticked,
    decode,
    encode,
)

LATENESS_MS: Final = 500
"""Of the stream's time. It is a partition's, so no project can set it; the gateway's ticks count on it."""

Placed = tuple[int, ProjectRecord]
"""A record and its offset."""

_NOTHING: tuple[Placed, ...] = ()
_KINDS = (
    *(DetectorConfigured, RuleChanged, Muted, Resolved, Deployed),
    *(SessionsCounted, DropsCounted),
    *(ErrorSeen, Ticked),
)
"""Of the same millisecond: first what says how errors are to be judged, then traffic, errors, and time."""
_RANKS: dict[type, int] = {kind: rank for rank, kind in enumerate(_KINDS)}


class Window:
    """The records of one partition that wait for their place."""

    __slots__ = ("_lateness", "_times", "_waiting", "late", "newest")

    def __init__(self, lateness_ms: int = LATENESS_MS) -> None:
        self._lateness = lateness_ms
        self._times: list[int] = []
        """Every `received_at` that somebody waits with, in order: fewer than the window has milliseconds."""
        self._waiting: dict[int, list[Placed]] = {}
        """By `received_at`, in the order of the log."""
        self.newest = 0
        """The stream's clock."""
        self.late = 0
        """How many records came when the clock had passed them by the lateness."""

    @property
    def horizon(self) -> int:
        """Return the time up to which everything is released; what was received by then and comes now is late."""
        return self.newest - self._lateness

    def take(self, offset: int, record: ProjectRecord) -> Sequence[Placed] | None:
        """Return what the record's time releases, in order; None = the record is late, and nothing waits for it."""
        at = record.received_at
        if at > self.newest:
            self.newest = at
            self._times.append(at)
            self._waiting[at] = [(offset, record)]
            horizon = at - self._lateness
            return self._due(horizon) if self._times[0] <= horizon else _NOTHING
        if at <= self.newest - self._lateness:
            self.late += 1
            return None
        waiting = self._waiting.get(at)
        if waiting is None:
            insort(self._times, at)
            self._waiting[at] = [(offset, record)]
        else:
            waiting.append((offset, record))
        return _NOTHING

    def release(self) -> Sequence[Placed]:
        """Return all that still wait, in order: no more records will come."""
        return self._due(self.newest)

    def _due(self, horizon: int) -> Sequence[Placed]:
        times = self._times
        count = bisect_right(times, horizon)
        due = times[:count]
        del times[:count]
        if count == 1:
            return in_order(self._waiting.pop(due[0]))
        return [placed for at in due for placed in in_order(self._waiting.pop(at))]

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        waiting = [placed for at in self._times for placed in in_order(self._waiting[at])]
        return [self.newest, self.late, [[offset, encode(record)] for offset, record in waiting]]

    @classmethod
    def unpack(cls, fields: Sequence[Any], lateness_ms: int = LATENESS_MS) -> "Window":
        """Return the window that `pack` gave."""
        window = cls(lateness_ms)
        window.newest, window.late, waiting = fields
        for offset, value in waiting:
            record = decode(value)
            window._waiting.setdefault(record.received_at, []).append((offset, record))
        window._times = list(window._waiting)
        return window


def in_order(placed: list[Placed]) -> list[Placed]:
    """Return records of one millisecond in their order; only equal ones may stand either way."""
    if len(placed) == 1:
        return placed
    keys: list[Any] = [_place(record) for _, record in placed]
    if len(set(keys)) < len(keys):  # the same event twice: by what they say, should that differ
        keys = [(key, encode(record)) for key, (_, record) in zip(keys, placed, strict=True)]
    ordered = sorted(zip(keys, placed, strict=True), key=itemgetter(0))
    return [each for _, each in ordered]


def _place(record: ProjectRecord) -> tuple[int, int, str | bytes]:
    rank = _RANKS[type(record)]
    if isinstance(record, ErrorSeen):
        return rank, record.occurred_at, record.event_id
    return rank, 0, encode(record)
