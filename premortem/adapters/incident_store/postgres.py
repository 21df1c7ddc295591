"""Incidents in PostgreSQL. Reads for a tenant run as a role that row-level security binds to that tenant's rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from premortem.adapters.incident_store import cursor as cursors
from premortem.adapters.incident_store.rows import (
    COLUMNS,
    fact_row,
    fingerprint_rows,
    incident_row,
    pull_request_rows,
)
from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain import incident as domain
from premortem.domain.digest import digest_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.outcomes import ProposedCause, decode_causes, outcome
from premortem.exceptions import Superseded
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

    def generation(self) -> int:
        """Return the number that a rebuild changes."""
        with connected(self._pool) as connection:
            return _generation(connection)

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact], generation: int | None = None) -> None:
        """Write what is newer, in one transaction; rows in order of id, so that two writers never deadlock."""
        newest = {saved.incident.id: saved for saved in sorted(incidents, key=lambda s: s.offset)}
        ordered = [newest[i] for i in sorted(newest)]
        tenants = {saved.incident.id: saved.incident.tenant_id for saved in ordered}
        with connected(self._pool) as connection, connection.cursor() as cursor:
            cursor.executemany(statement(__file__, "save"), [incident_row(saved) for saved in ordered])
            prints = [row for saved in ordered for row in fingerprint_rows(saved.incident)]
            cursor.executemany(statement(__file__, "save_fingerprint"), prints)
            cursor.executemany(statement(__file__, "save_pull_request"), list(_pull_requests(ordered)))
            rows = [fact_row(fact, tenants[fact.incident_id]) for fact in facts if fact.incident_id in tenants]
            cursor.executemany(statement(__file__, "save_fact"), rows)
            # Asked last: a rebuild holds the table until it is over, and the first statement above waited for it.
            if generation is not None and _generation(connection) != generation:
                raise Superseded("the incidents were rebuilt. Load them again.")

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

    def outcomes(self, tenant: TenantId) -> Sequence[ProposedCause]:
        """Return the causes whose outcome is known."""
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(statement(__file__, "outcomes"), {"tenant": tenant}).fetchall()
        return [cause for (causes,) in rows for cause in decode_causes(causes) if outcome(cause)]

    def causes(self, tenant: TenantId, since: int) -> Sequence[ProposedCause]:
        """Return all causes of incidents opened since."""
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(statement(__file__, "causes"), {"tenant": tenant, "since": since}).fetchall()
        return [cause for (causes,) in rows if causes for cause in decode_causes(causes)]

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


def _generation(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute(statement(__file__, "generation")).fetchone()
    return row[0] if row else 0


def _pull_requests(ordered: Sequence[Saved]) -> Iterator[dict[str, object]]:
    names = COLUMNS["pull_requests"]
    for saved in ordered:
        for row in pull_request_rows(saved.incident):
            yield {**dict(zip(names, row)), "log_offset": saved.offset}


def _pattern(text: str) -> str:
    """Return a LIKE pattern for texts that contain `text`, whose own wildcards mean themselves."""
    escaped = text.replace("\0", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
