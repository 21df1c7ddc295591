"""Similar incidents in PostgreSQL, with pgvector."""

from collections.abc import Sequence

from premortem.adapters.postgres import Pool, connected, statement
from premortem.adapters.similar_incidents.ranking import ranked
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.likeness import Vector
from premortem.ports import Alike, Lookalike

_MORE = 20
"""So many more are read than are wanted: PostgreSQL's order is of floats, ours of rounded numbers and then of time."""


class PostgresSimilarIncidents:
    """Vectors in one table, searched without an approximation."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def remember(self, incident: Lookalike) -> None:
        """Keep an incident's vector."""
        if not any(incident.vector):
            return
        arguments = {
            "tenant": incident.tenant_id,
            "incident": incident.incident_id,
            "project": incident.project_id,
            "opened_at": incident.opened_at,
            "features": _text(incident.vector),
        }
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "remember"), arguments)

    def nearest(self, tenant: TenantId, vector: Vector, before: int, limit: int) -> Sequence[Alike]:
        """Return the nearest older incidents."""
        if not any(vector):
            return []
        arguments = {"tenant": tenant, "before": before, "features": _text(vector), "limit": limit + _MORE}
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "nearest"), arguments).fetchall()
        found = [(IncidentId(incident), opened_at, [int(each) for each in kept]) for incident, opened_at, kept in rows]
        return ranked(vector, found, limit)


def _text(vector: Vector) -> str:
    return f"[{','.join(map(str, vector))}]"
