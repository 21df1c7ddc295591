"""Refilling: the archive once more, from every body that the log still holds; also while `archive` itself runs."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from threading import Event

from msgspec import Struct

from premortem.adapters.streams.archiving import Archiving, Inserts
from premortem.adapters.streams.patience import Patience
from premortem.domain.archive import ArchivedEvent, ArchivedRow
from premortem.exceptions import OffsetLost
from premortem.ports import EvidenceStore, LogReader, LogRecord, Topic

_TOPIC: Topic = "sentry.payloads"
_AT_ONCE = 4000
Progress = Callable[[int, int], None]


class Refilled(Struct, frozen=True, kw_only=True):
    """What was archived, and what was not there to be."""

    bodies: int
    """Records of the log: events, log lines, sessions, deploys."""
    refused: int
    """Of them: those that the archive cannot hold, as `archive` found before; they are dead letters."""
    events: int
    """Distinct events among them."""
    archived: int
    """Distinct events that the archive holds now."""
    gone: int
    """Records that retention had taken from the log."""
    whole_since: int | None
    """When the oldest body that is left was written (ms since 1970 UTC): what came later is there. None = all is."""


def refill(log: LogReader, store: EvidenceStore, progress: Progress = lambda _done, _all: None) -> Refilled:
    """Insert whatever is on the log; rows that are there already change no answer.

    Raises Unavailable when the store does not answer several times in a row: what was inserted by then stays.
    """
    heads, lows = log.heads(_TOPIC), log.low_watermarks(_TOPIC)
    counting = _Counting(store)
    archiving = Archiving(counting, Patience(Event()))
    done = refused = 0
    oldest: list[int] = []
    for partition, head in enumerate(heads):
        first = True
        for records in _batches(log, partition, lows[partition], head):
            refused += len(archiving(records).dead_letters)
            if first and records[0].offset > 0:
                oldest.append(records[0].recorded_at)
            first = False
            done += len(records)
            progress(done, sum(heads) - sum(lows))
    return Refilled(
        bodies=done,
        refused=refused,
        events=counting.distinct(),
        archived=store.count_events(),
        gone=sum(heads) - done,
        whole_since=max(oldest, default=None),
    )


def _batches(log: LogReader, partition: int, offset: int, head: int) -> Iterator[Sequence[LogRecord]]:
    """Yield the records of a partition; what retention takes meanwhile is passed over."""
    while offset < head:
        try:
            records = log.read(_TOPIC, partition, offset, min(_AT_ONCE, head - offset))
        except OffsetLost:
            offset = max(offset + 1, log.low_watermarks(_TOPIC)[partition])
            continue
        if not records:
            return
        yield records
        offset = records[-1].offset + 1


class _Counting:
    """Inserts, and counts distinct events: 8 bytes of a hash each, in buckets, so that millions take little memory."""

    def __init__(self, store: Inserts) -> None:
        self._store = store
        self._buckets = [array("Q") for _ in range(256)]

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        """Insert, and count what the store took."""
        self._store.insert(rows)
        for row in rows:
            if isinstance(row, ArchivedEvent):
                name = f"{row.tenant_id}/{row.project_id}/{row.event_id}".encode(errors="replace")
                number = int.from_bytes(blake2b(name, digest_size=8).digest())
                self._buckets[number & 255].append(number)

    def distinct(self) -> int:
        """Return how many different events were inserted."""
        return sum(len(set(bucket)) for bucket in self._buckets)
