"""Incidents as folded from the timeline: their store, and its reading end."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident, Status
from premortem.domain.outcomes import ProposedCause


class StoredFact(Struct, frozen=True):
    """A fact with its place on the timeline, for the store's table of timeline events."""

    incident_id: IncidentId
    fact_id: str
    partition: int
    offset: int
    kind: str
    occurred_at: int
    value: bytes
    chain: str = ""
    """The head of the incident's chain (`domain.chain`) with this fact in it; empty = not kept."""


class Saved(Struct, frozen=True):
    """An incident and the highest timeline offset that is folded into it."""

    incident: Incident
    partition: int
    offset: int
    chain: str = ""
    """The head of its hash chain (`domain.chain`); empty = not kept from its opening on."""


class IncidentFilter(Struct, frozen=True):
    """Which incidents to list; None = any."""

    status: Status | None = None
    project_id: ProjectId | None = None
    environment: str | None = None
    text: str | None = None


class Page(Struct, frozen=True):
    """A page of incidents, newest first, and the cursor of the next one (None = this is the last)."""

    incidents: tuple[Incident, ...]
    cursor: str | None


class IncidentReader(Protocol):
    """The reading end of an incident store: all that a replay is ever given, so that none can write.

    Reads are scoped to one tenant, and the store itself (row-level security) hides every other tenant's rows.
    """

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what is stored of these incidents (any tenant: for the dataflows)."""

    def find(self, tenant: TenantId, where: IncidentFilter, cursor: str | None, limit: int) -> Page:
        """Return a page ordered by (opened_at, id) descending; Malformed for a cursor that is not ours."""

    def get(self, tenant: TenantId, incident_id: IncidentId) -> Incident | None:
        """Return one incident, or None when this tenant has none of that id."""

    def timeline(self, tenant: TenantId, incident_id: IncidentId, after: int, limit: int) -> Sequence[StoredFact]:
        """Return facts of the incident with offsets above `after`, in order."""

    def outcomes(self, tenant: TenantId) -> Sequence[ProposedCause]:
        """Return the causes of the tenant's incidents whose outcome is known, in order of incident."""

    def causes(self, tenant: TenantId, since: int) -> Sequence[ProposedCause]:
        """Return all causes of the tenant's incidents that were opened at `since` or later, in the order of opening."""

    def digest(self) -> str:
        """Return the SHA-256 (hex) over all incidents' canonical bytes in order of id: equal states, equal digests."""


class IncidentStore(IncidentReader, Protocol):
    """Incidents as folded from the timeline. `save` is guarded: a row is written only when its offset is newer."""

    def generation(self) -> int:
        """Return a number that changes when the incidents are rebuilt beside their writers."""

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact], generation: int | None = None) -> None:
        """Write incidents and timeline rows in one transaction; older ones and repeated facts change nothing.

        Raises Superseded, having written nothing, when the generation is not the one that is given: what was folded was
        folded upon incidents as they were before a rebuild. None = do not ask.
        """
