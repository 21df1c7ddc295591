"""The evidence store in memory: for tests."""

from collections import defaultdict
from collections.abc import Sequence
from threading import Lock
from typing import TypeVar

from premortem.adapters.evidence_store import memory_errors as errors_of
from premortem.adapters.evidence_store import memory_rates as rates
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedRow, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.ports import (
    AttributeCounts,
    Errors,
    MinuteCount,
    NewError,
    Reach,
    ReleaseCount,
    ReleaseSince,
    Representatives,
    Sightings,
    SlotCount,
)

_MINUTE = 60_000
Other = TypeVar("Other", ArchivedSessions, ArchivedDeploy)


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

    def release_counts(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        fingerprints: Sequence[Fingerprint],
        start: int,
        end: int,
        width: int,
    ) -> Sequence[SlotCount]:
        """Return events of some fingerprints per slot and release, in order."""
        rows = [row for row in self._of_project(tenant, project) if row.fingerprint in fingerprints]
        return rates.events(rows, environment, start, end, width)

    def release_activity(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return events of all fingerprints per slot and release, in order."""
        return rates.events(self._of_project(tenant, project), environment, start, end, width)

    def release_sessions(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return sessions per slot and release, in order."""
        rows = self._others_of(ArchivedSessions, tenant, project, environment)
        return rates.sessions(rows, start, end, width)

    def new_errors(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        releases: Sequence[str],
        start: int,
        end: int,
        limit: int,
    ) -> Sequence[NewError]:
        """Return fingerprints that were first seen in that time, most events first."""
        return rates.new_errors(self._of_project(tenant, project), environment, releases, start, end)[:limit]

    def releases_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ReleaseSince]:
        """Return releases that are new in the environment, in order."""
        rows = [row for row in self._of_project(tenant, project) if row.environment == environment]
        sessions = self._others_of(ArchivedSessions, tenant, project, environment)
        return rates.releases_since(rows, sessions, since)[:limit]

    def release_first_seen(self, tenant: TenantId, project: ProjectId, environment: str, release: str) -> int | None:
        """Return the release's first event or session in the environment, or None."""
        events = [row for row in self._of_project(tenant, project) if row.environment == environment]
        times = [row.occurred_at for row in events if row.release == release]
        sessions = self._others_of(ArchivedSessions, tenant, project, environment)
        return min([*times, *(row.started_at for row in sessions if row.release == release)], default=None)

    def deploys_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ArchivedDeploy]:
        """Return deploys of the environment, in order."""
        rows = self._others_of(ArchivedDeploy, tenant, project, environment)
        after = [row for row in rows if row.deployed_at >= since]
        return sorted(after, key=lambda row: (row.deployed_at, row.deploy_id))[:limit]

    def attributes(
        self, tenant: TenantId, project: ProjectId, inside: Errors, before: Errors, limit: int
    ) -> AttributeCounts:
        """Return what events inside carry, and how many of those before do."""
        rows = self._of_project(tenant, project)
        compared = rows if not before.fingerprints else _of(rows, before)
        return errors_of.attributes(_of(rows, inside), [row for row in compared if _during(row, before)], limit)

    def representatives(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Representatives | None:
        """Return events that stand for others."""
        return errors_of.representatives(_of(self._of_project(tenant, project), errors))

    def sample(
        self, tenant: TenantId, project: ProjectId, errors: Errors, limit: int, *, others_in: str | None = None
    ) -> Sequence[ArchivedEvent]:
        """Return some events, in order of id."""
        rows = [row for row in self._of_project(tenant, project) if _during(row, errors)]
        ours = [row for row in rows if row.fingerprint in errors.fingerprints]
        others = [row for row in rows if row.fingerprint not in errors.fingerprints and row.environment == others_in]
        return errors_of.sample(ours if others_in is None else others, limit)

    def releases_in(
        self, tenant: TenantId, project: ProjectId, environment: str, errors: Errors, since: int, limit: int
    ) -> Sequence[ReleaseCount]:
        """Return releases with any event, the newest first."""
        rows = [row for row in self._of_project(tenant, project) if row.environment == environment]
        return errors_of.releases([row for row in rows if _during(row, errors)], errors, since)[:limit]

    def reach(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Reach | None:
        """Return how far errors reach."""
        return errors_of.reach(_of(self._of_project(tenant, project), errors))

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

    def _of_project(self, tenant: TenantId, project: ProjectId) -> list[ArchivedEvent]:
        with self._lock:
            found = [rows for key, rows in self._by_fingerprint.items() if key[:2] == (tenant, project)]
            return [row for rows in found for row in rows]

    def _others_of(self, kind: type[Other], tenant: TenantId, project: ProjectId, environment: str) -> list[Other]:
        with self._lock:
            found = [row for row in self._others if isinstance(row, kind)]
        return [
            row for row in found if (row.tenant_id, row.project_id, row.environment) == (tenant, project, environment)
        ]


def _rank(row: ArchivedEvent) -> tuple[int, int, str]:
    return row.received_at, row.occurred_at, row.fingerprint


def _during(row: ArchivedEvent, errors: Errors) -> bool:
    return errors.start <= row.occurred_at < errors.end


def _of(rows: Sequence[ArchivedEvent], errors: Errors) -> list[ArchivedEvent]:
    return [row for row in rows if row.fingerprint in errors.fingerprints and _during(row, errors)]
