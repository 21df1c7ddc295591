"""Incidents in PostgreSQL. Reads for a tenant run as a role that row-level security binds to that tenant's rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from premortem.adapters.incident_store import cursor as cursors
from premortem.adapters.incident_store.digest import digest_of
from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain import incident as domain
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import Incident
from premortem.ports import IncidentFilter, Page, Saved, StoredFact


class PostgresIncidentStore:
    """Canonical bytes of each incident, with the columns that lists filter by."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what is stored of these incidents."""
        with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(statement(__file__, "load"), {"ids": list(incident_ids)}).fetchall()
        return {saved.incident.id: saved for saved in (Saved(domain.decode(v), p, o, c) for v, p, o, c in rows)}

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact]) -> None:
        """Write what is newer, in one transaction; rows in order of id, so that two writers never deadlock."""
        newest = {saved.incident.id: saved for saved in sorted(incidents, key=lambda s: s.offset)}
        ordered = [newest[i] for i in sorted(newest)]
        tenants = {saved.incident.id: saved.incident.tenant_id for saved in ordered}
        with connected(self._pool) as connection, connection.cursor() as cursor:
            cursor.executemany(statement(__file__, "save"), [_row(saved) for saved in ordered])
            prints = [
                (s.incident.id, s.incident.tenant_id, s.incident.project_id, f)
                for s in ordered
                for f in s.incident.fingerprints
            ]
            cursor.executemany(statement(__file__, "save_fingerprint"), prints)
            pulls = [
                (s.incident.id, s.incident.tenant_id, pr.repository, pr.number, pr.url, pr.branch, pr.state)
                for s in ordered
                for pr in s.incident.pull_requests
            ]
            cursor.executemany(statement(__file__, "save_pull_request"), pulls)
            rows = [
                (
                    f.incident_id,
                    f.fact_id,
                    tenants[f.incident_id],
                    f.kind,
                    f.occurred_at,
                    f.value,
                    f.partition,
                    f.offset,
                    f.chain,
                )
                for f in facts
                if f.incident_id in tenants
            ]
            cursor.executemany(statement(__file__, "save_fact"), rows)

    def find(self, tenant: TenantId, where: IncidentFilter, cursor: str | None, limit: int) -> Page:
        """Return a page, newest first."""
        opened_at, last_id = cursors.decode(cursor) if cursor is not None else (None, None)
        arguments = {
            "status": where.status,
            "project": where.project_id,
            "environment": where.environment,
            "text": _pattern(where.text) if where.text else None,
            "opened_at": opened_at,
            "id": last_id,
            "limit": limit + 1,
        }
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(statement(__file__, "find"), arguments).fetchall()
        found = tuple(domain.decode(row[0]) for row in rows)
        page = found[:limit]
        return Page(page, cursors.encode(page[-1]) if len(found) > limit else None)

    def get(self, tenant: TenantId, incident_id: IncidentId) -> Incident | None:
        """Return one incident of the tenant."""
        with self._as_tenant(tenant) as connection:
            row = connection.execute(statement(__file__, "get"), {"id": incident_id}).fetchone()
        return domain.decode(row[0]) if row else None

    def timeline(self, tenant: TenantId, incident_id: IncidentId, after: int, limit: int) -> Sequence[StoredFact]:
        """Return facts of the incident behind offset `after`."""
        arguments = {"id": incident_id, "after": after, "limit": limit}
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(statement(__file__, "timeline"), arguments).fetchall()
        return [StoredFact(*row) for row in rows]

    def digest(self) -> str:
        """Return the digest of all incidents."""
        with connected(self._pool) as connection, connection.cursor(name="digest", binary=True) as cursor:
            cursor.itersize = 1000
            return digest_of(cursor.execute(statement(__file__, "all")))

    @contextmanager
    def _as_tenant(self, tenant: TenantId) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "as_tenant"), {"tenant": tenant})
            connection.execute(b"SET LOCAL ROLE premortem_app")
            yield connection


def _row(saved: Saved) -> dict[str, object]:
    incident = saved.incident
    return {
        "id": incident.id,
        "tenant": incident.tenant_id,
        "project": incident.project_id,
        "status": incident.status,
        "severity": incident.severity,
        "environment": incident.environment,
        "title": incident.title,
        "culprit": incident.culprit,
        "opened_at": incident.opened_at,
        "value": domain.encode(incident),
        "partition": saved.partition,
        "offset": saved.offset,
        "chain": saved.chain,
    }


def _pattern(text: str) -> str:
    """Return a LIKE pattern for texts that contain `text`, whose own wildcards mean themselves."""
    escaped = text.replace("\0", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
