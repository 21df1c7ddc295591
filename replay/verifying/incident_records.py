"""One incident's records on the timeline beside what the incident store holds of it, ready to be compared."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.timeline import IncidentDetected, IncidentFact, TimelineTicked, decode
from premortem.exceptions import Malformed
from premortem.ports import IncidentFilter, IncidentReader, LogReader, LogRecord, Saved, StoredFact
from replay.reading import batches

_PAGE, _LISTED = 1_000, 200
Progress = Callable[[int, int], None]
"""Told (records read, records to read)."""


class Placed(Struct, frozen=True):
    """A fact and the record that it stands in."""

    fact: IncidentFact
    record: LogRecord

    @property
    def where(self) -> str:
        """Return where it stands, for a person."""
        return f"offset {self.record.offset} {type(self.fact).__name__}"


class Kept(Struct, frozen=True, kw_only=True):
    """What the log and the store hold of one incident. Records in the order of the log."""

    incident_id: IncidentId
    records: tuple[LogRecord, ...]
    facts: tuple[Placed, ...]
    """The records that can be read."""
    unread: tuple[tuple[int, str], ...]
    """(offset, why) of those that cannot."""
    saved: Saved | None
    rows: tuple[StoredFact, ...]

    def opened(self) -> IncidentDetected | None:
        """Return the fact that opened the incident."""
        return next((each.fact for each in self.facts if isinstance(each.fact, IncidentDetected)), None)


def kept_of(
    log: LogReader,
    store: IncidentReader,
    tenant: TenantId,
    incident_id: IncidentId,
    progress: Progress = lambda _done, _all: None,
) -> Kept:
    """Return what is kept of the incident. Raises Malformed when neither the log nor the store has it."""
    partition = partition_of(incident_id, log.partitions("debugging.timeline"))
    records = [record for record in _records(log, partition, progress) if record.key == incident_id]
    found = _beside(store, tenant, incident_id, records)
    if not _is_of(found, tenant):
        raise Malformed(f"tenant {tenant!r} has no incident {incident_id}. List them: premortem incidents list.")
    return found


def every(
    log: LogReader, store: IncidentReader, tenant: TenantId, progress: Progress = lambda _done, _all: None
) -> Iterator[Kept]:
    """Yield what is kept of each incident of the tenant, partition by partition, then of those that only the store has.

    The records of one partition are held in memory.
    """
    partitions = log.partitions("debugging.timeline")
    lows, heads = log.low_watermarks("debugging.timeline"), log.heads("debugging.timeline")
    done, whole = 0, sum(head - low for low, head in zip(lows, heads, strict=True))
    seen: set[str] = set()
    for partition in range(partitions):
        by_key: dict[str, list[LogRecord]] = {}
        before = done
        for record in _records(log, partition, lambda read, _, before=before: progress(before + read, whole)):  # type: ignore[misc]
            by_key.setdefault(record.key, []).append(record)
            done += 1
        for key in sorted(by_key):
            found = _beside(store, tenant, IncidentId(key), by_key[key])
            if _is_of(found, tenant):
                seen.add(key)
                yield found
    for incident_id in _listed(store, tenant):
        if incident_id not in seen:
            yield _beside(store, tenant, incident_id, [])


def _is_of(found: Kept, tenant: TenantId) -> bool:
    opened = found.opened()
    return (found.saved is not None and found.saved.incident.tenant_id == tenant) or (
        opened is not None and opened.tenant_id == tenant
    )


def _records(log: LogReader, partition: int, progress: Progress) -> Iterator[LogRecord]:
    low, head = log.low_watermarks("debugging.timeline")[partition], log.heads("debugging.timeline")[partition]
    for found in batches(log, "debugging.timeline", partition, low, head):
        yield from found
        progress(found[-1].offset + 1 - low, head - low)


def _beside(store: IncidentReader, tenant: TenantId, incident_id: IncidentId, records: Sequence[LogRecord]) -> Kept:
    facts: list[Placed] = []
    unread: list[tuple[int, str]] = []
    for record in records:
        try:
            fact = decode(record.value)
        except ValueError as problem:
            unread.append((record.offset, str(problem)))
            continue
        if not isinstance(fact, TimelineTicked):
            facts.append(Placed(fact, record))
    return Kept(
        incident_id=incident_id,
        records=tuple(records),
        facts=tuple(facts),
        unread=tuple(unread),
        saved=store.load([incident_id]).get(incident_id),
        rows=tuple(_rows(store, tenant, incident_id)),
    )


def _rows(store: IncidentReader, tenant: TenantId, incident_id: IncidentId) -> Iterator[StoredFact]:
    after, full = -1, True
    while full:
        page = store.timeline(tenant, incident_id, after, _PAGE)
        yield from page
        after, full = page[-1].offset if page else after, len(page) == _PAGE


def _listed(store: IncidentReader, tenant: TenantId) -> Iterator[IncidentId]:
    cursor: str | None = None
    while True:
        page = store.find(tenant, IncidentFilter(), cursor, _LISTED)
        yield from (incident.id for incident in page.incidents)
        cursor = page.cursor
        if cursor is None:
            return
