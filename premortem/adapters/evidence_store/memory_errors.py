"""What the evidence store in memory says of some errors: what they carry, who stands for them, their reach. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from premortem.domain.archive import ArchivedEvent
from premortem.domain.ids import EventId
from premortem.ports import AttributeCount, AttributeCounts, Errors, Reach, ReleaseCount, Representatives

_MOST_NAMES = 50


def attributes(inside: Sequence[ArchivedEvent], before: Sequence[ArchivedEvent], limit: int) -> AttributeCounts:
    """Return the values that at least two events inside carry, the most frequent first."""
    some, others = _carried(inside), _carried(before)
    counts = [
        AttributeCount(name, value, len(ids), len(others.get((name, value), ())))
        for (name, value), ids in some.items()
        if len(ids) > 1
    ]
    ordered = sorted(counts, key=lambda count: (-count.inside, count.name, count.value))
    return AttributeCounts(len(_ids(inside)), len(_ids(before)), tuple(ordered[:limit]))


def _carried(rows: Iterable[ArchivedEvent]) -> dict[tuple[str, str], set[EventId]]:
    found: defaultdict[tuple[str, str], set[EventId]] = defaultdict(set)
    for row in rows:
        for name, value in _values(row):
            if value:
                found[name, value].add(row.event_id)
    return found


def _values(row: ArchivedEvent) -> Iterator[tuple[str, str]]:
    yield "release", row.release
    yield "environment", row.environment
    yield "user", row.user_hash
    for name, value in row.tags:
        yield f"tag:{name}", value


def representatives(rows: Sequence[ArchivedEvent]) -> Representatives | None:
    """Return the first, the latest and the first of the rarest events."""
    if not rows:
        return None
    groups: defaultdict[tuple[str, str, str], list[ArchivedEvent]] = defaultdict(list)
    for row in rows:
        groups[row.title, row.release, row.environment].append(row)
    rarest = min((len(_ids(group)), min(map(_place, group))) for group in groups.values())[1][1]
    first, latest = min(map(_place, rows))[1], max(map(_place, rows))[1]
    return Representatives(first, latest, rarest if len(groups) > 1 else None)


def sample(rows: Iterable[ArchivedEvent], limit: int) -> list[ArchivedEvent]:
    """Return events of the smallest ids; of several with one id the one that arrived first."""
    found: dict[EventId, ArchivedEvent] = {}
    for row in sorted(rows, key=lambda row: (row.event_id, row.received_at, row.occurred_at, row.fingerprint)):
        found.setdefault(row.event_id, row)
    return list(found.values())[:limit]


def releases(rows: Iterable[ArchivedEvent], errors: Errors, since: int) -> list[ReleaseCount]:
    """Return the releases of the events, the newest first."""
    groups: defaultdict[str, list[ArchivedEvent]] = defaultdict(list)
    for row in rows:
        if row.release:
            groups[row.release].append(row)
    found = [_release(release, group, errors, since) for release, group in groups.items()]
    return sorted(found, key=lambda count: (count.first_seen, count.release), reverse=True)


def _release(release: str, rows: Sequence[ArchivedEvent], errors: Errors, since: int) -> ReleaseCount:
    failing = [row for row in rows if row.fingerprint in errors.fingerprints]
    times = [row.occurred_at for row in rows]
    after = [row for row in failing if row.occurred_at >= since]
    return ReleaseCount(release, min(times), max(times), len(_ids(rows)), len(_ids(failing)), len(_ids(after)))


def reach(rows: Sequence[ArchivedEvent]) -> Reach | None:
    """Return how far the events reach."""
    if not rows:
        return None
    times = [row.occurred_at for row in rows]
    return Reach(
        events=len(_ids(rows)),
        users=len({row.user_hash for row in rows} - {""}),
        releases=_names(row.release for row in rows),
        environments=_names(row.environment for row in rows),
        first_seen=min(times),
        last_seen=max(times),
    )


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values) - {""}, key=str.encode)[:_MOST_NAMES])


def _ids(rows: Iterable[ArchivedEvent]) -> set[EventId]:
    return {row.event_id for row in rows}


def _place(row: ArchivedEvent) -> tuple[int, EventId]:
    return row.occurred_at, row.event_id
