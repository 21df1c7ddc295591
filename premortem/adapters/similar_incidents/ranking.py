"""The order of incidents that look alike, the same whatever keeps them. Pure."""

from collections.abc import Iterable, Sequence

from premortem.domain.ids import IncidentId
from premortem.domain.likeness import Vector, similarity
from premortem.ports import Alike


def ranked(vector: Vector, found: Iterable[tuple[IncidentId, int, Sequence[int]]], limit: int) -> list[Alike]:
    """Return the nearest of (id, opened at, vector), among equals the newest first."""
    alike = [(similarity(vector, other), opened_at, incident_id) for incident_id, opened_at, other in found]
    ordered = sorted(alike, key=lambda each: (-each[0], -each[1], each[2]))
    return [Alike(incident_id, near) for near, _, incident_id in ordered[:limit]]
