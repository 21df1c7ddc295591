"""What the evidence store in memory says of rates: events and sessions per release, what is new. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from premortem.domain.archive import ArchivedEvent, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint
from premortem.ports import NewError, ReleaseSince, SlotCount


def events(rows: Iterable[ArchivedEvent], environment: str, start: int, end: int, width: int) -> list[SlotCount]:
    """Return distinct events per slot and release, in order."""
    ids: defaultdict[tuple[int, str], set[EventId]] = defaultdict(set)
    for row in rows:
        if row.environment == environment and start <= row.occurred_at < end:
            ids[(row.occurred_at - start) // width, row.release].add(row.event_id)
    return [SlotCount(slot, release, len(ids[slot, release])) for slot, release in sorted(ids)]


def sessions(rows: Iterable[ArchivedSessions], start: int, end: int, width: int) -> list[SlotCount]:
    """Return sessions per slot and release, in order."""
    sums: defaultdict[tuple[int, str], int] = defaultdict(int)
    for row in rows:
        if start <= row.started_at < end:
            sums[(row.started_at - start) // width, row.release] += (
                row.exited + row.errored + row.crashed + row.abnormal
            )
    return [SlotCount(slot, release, sums[slot, release]) for slot, release in sorted(sums)]


def new_errors(
    rows: Sequence[ArchivedEvent], environment: str, releases: Sequence[str], start: int, end: int
) -> list[NewError]:
    """Return fingerprints whose very first event is in that time, most events first."""
    firsts: dict[Fingerprint, int] = {}
    found: defaultdict[Fingerprint, list[ArchivedEvent]] = defaultdict(list)
    for row in rows:
        firsts[row.fingerprint] = min(row.occurred_at, firsts.get(row.fingerprint, row.occurred_at))
        here = row.environment == environment and (not releases or row.release in releases)
        if here and start <= row.occurred_at < end:
            found[row.fingerprint].append(row)
    fresh = [_new_error(found[name]) for name in found if start <= firsts[name] < end]
    return sorted(fresh, key=lambda error: (-error.events, error.fingerprint))


def _new_error(rows: list[ArchivedEvent]) -> NewError:
    first = min(rows, key=lambda row: (row.occurred_at, row.event_id))
    ids = {row.event_id for row in rows}
    return NewError(first.fingerprint, first.occurred_at, first.title, len(ids), first.event_id)


def releases_since(
    rows: Iterable[ArchivedEvent], reported: Iterable[ArchivedSessions], since: int
) -> list[ReleaseSince]:
    """Return releases whose first event or session is at `since` or later, in order."""
    firsts: dict[str, int] = {}
    seen = [(row.release, row.occurred_at) for row in rows] + [(row.release, row.started_at) for row in reported]
    for release, at in seen:
        firsts[release] = min(at, firsts.get(release, at))
    fresh = [ReleaseSince(release, at) for release, at in firsts.items() if release and at >= since]
    return sorted(fresh, key=lambda found: (found.first_seen, found.release))
