"""Similar incidents in memory: for tests."""

from collections.abc import Sequence
from threading import Lock

from premortem.adapters.similar_incidents.ranking import ranked
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.likeness import Vector
from premortem.ports import Alike, Lookalike


class MemorySimilarIncidents:
    """A dict under one lock; gone with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[TenantId, IncidentId], Lookalike] = {}

    def remember(self, incident: Lookalike) -> None:
        """Keep an incident's vector."""
        if any(incident.vector):
            with self._lock:
                self._kept[incident.tenant_id, incident.incident_id] = incident

    def nearest(self, tenant: TenantId, vector: Vector, before: int, limit: int) -> Sequence[Alike]:
        """Return the nearest older incidents."""
        with self._lock:
            kept = [each for each in self._kept.values() if each.tenant_id == tenant and each.opened_at < before]
        found = [(each.incident_id, each.opened_at, each.vector) for each in kept]
        return ranked(vector, found, limit) if any(vector) else []
