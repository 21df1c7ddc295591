"""The evidence store in memory: for tests."""

from collections import defaultdict
from collections.abc import Sequence
from threading import Lock

from premortem.domain.archive import ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.ports import MinuteCount, Sightings

_MINUTE = 60_000


class MemoryEvidenceStore:
    """Rows in dicts under one lock. Of several events with one id, `event` returns the one that arrived first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._events: dict[tuple[TenantId, ProjectId, EventId], ArchivedEvent] = {}
        self._by_fingerprint: defaultdict[tuple[TenantId, ProjectId, Fingerprint], list[ArchivedEvent]]
        self._by_fingerprint = defaultdict(list)
        self._others: list[ArchivedRow] = []

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        """Archive rows."""
        with self._lock:
            for row in rows:
                if isinstance(row, ArchivedEvent):
                    self._insert_event(row)
                elif row not in self._others:
                    self._others.append(row)

    def _insert_event(self, row: ArchivedEvent) -> None:
        key = (row.tenant_id, row.project_id, row.event_id)
        if key not in self._events or _rank(row) < _rank(self._events[key]):
            self._events[key] = row
        self._by_fingerprint[row.tenant_id, row.project_id, row.fingerprint].append(row)

    def event(self, tenant: TenantId, project: ProjectId, event_id: EventId) -> ArchivedEvent | None:
        """Return one event, or None."""
        with self._lock:
            return self._events.get((tenant, project, event_id))

    def counts(
        self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint, start: int, end: int
    ) -> Sequence[MinuteCount]:
        """Return events per minute, in order."""
        ids: defaultdict[int, set[EventId]] = defaultdict(set)
        for row in self._seen(tenant, project, fingerprint):
            minute = row.occurred_at - row.occurred_at % _MINUTE
            if start <= minute < end:
                ids[minute].add(row.event_id)
        return [MinuteCount(minute, len(ids[minute])) for minute in sorted(ids)]

    def sightings(self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint) -> Sightings | None:
        """Return first and last sighting, or None."""
        rows = self._seen(tenant, project, fingerprint)
        if not rows:
            return None
        times = [row.occurred_at for row in rows]
        users = {row.user_hash for row in rows} - {""}
        return Sightings(min(times), max(times), len(users), len({row.event_id for row in rows}))

    def count_events(self) -> int:
        """Return how many distinct events are archived."""
        with self._lock:
            return len(self._events)

    def version(self) -> str:
        """Return what this is."""
        return "memory"

    def _seen(self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint) -> list[ArchivedEvent]:
        with self._lock:
            return list(self._by_fingerprint.get((tenant, project, fingerprint), ()))


def _rank(row: ArchivedEvent) -> tuple[int, int, str]:
    return row.received_at, row.occurred_at, row.fingerprint
