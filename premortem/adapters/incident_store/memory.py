"""Incidents in memory: for tests and for replaying without a database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from premortem.adapters.incident_store import cursor as cursors
from premortem.domain import incident as domain
from premortem.domain.digest import digest_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.outcomes import ProposedCause, outcome
from premortem.exceptions import Superseded
from premortem.ports import IncidentFilter, Page, Saved, StoredFact

Held = tuple[dict[IncidentId, Saved], dict[IncidentId, dict[str, StoredFact]]]


class MemoryIncidentStore:
    """Dicts under one lock; gone with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._saved: dict[IncidentId, Saved] = {}
        self._facts: dict[IncidentId, dict[str, StoredFact]] = {}
        self._generation = 0

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what is stored of these incidents."""
        with self._lock:
            return {i: self._saved[i] for i in incident_ids if i in self._saved}

    def generation(self) -> int:
        """Return the number that a rebuild changes."""
        with self._lock:
            return self._generation

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact], generation: int | None = None) -> None:
        """Write what is newer."""
        with self._lock:
            if generation not in (None, self._generation):
                raise Superseded("the incidents were rebuilt. Load them again.")
            for saved in incidents:
                stored = self._saved.get(saved.incident.id)
                if stored is None or stored.offset < saved.offset:
                    self._saved[saved.incident.id] = saved
            for fact in facts:
                self._facts.setdefault(fact.incident_id, {}).setdefault(fact.fact_id, fact)

    def find(self, tenant: TenantId, where: IncidentFilter, cursor: str | None, limit: int) -> Page:
        """Return a page, newest first."""
        after = cursors.decode(cursor) if cursor is not None else None
        with self._lock:
            found = [s.incident for s in self._saved.values() if s.incident.tenant_id == tenant]
        found = [i for i in found if _matches(i, where) and (after is None or (i.opened_at, i.id) < after)]
        found.sort(key=lambda i: (i.opened_at, i.id), reverse=True)
        page = tuple(found[:limit])
        return Page(page, cursors.encode(page[-1]) if len(found) > limit else None)

    def get(self, tenant: TenantId, incident_id: IncidentId) -> Incident | None:
        """Return one incident of the tenant."""
        with self._lock:
            saved = self._saved.get(incident_id)
        return saved.incident if saved and saved.incident.tenant_id == tenant else None

    def timeline(self, tenant: TenantId, incident_id: IncidentId, after: int, limit: int) -> Sequence[StoredFact]:
        """Return facts of the incident behind offset `after`."""
        if self.get(tenant, incident_id) is None:
            return []
        with self._lock:
            facts = sorted(self._facts.get(incident_id, {}).values(), key=lambda fact: fact.offset)
        return [fact for fact in facts if fact.offset > after][:limit]

    def outcomes(self, tenant: TenantId) -> Sequence[ProposedCause]:
        """Return the causes whose outcome is known."""
        with self._lock:
            found = sorted((s.incident for s in self._saved.values()), key=lambda incident: incident.id)
        return [cause for i in found if i.tenant_id == tenant for cause in i.causes if outcome(cause)]

    def causes(self, tenant: TenantId, since: int) -> Sequence[ProposedCause]:
        """Return all causes of incidents opened since."""
        with self._lock:
            found = sorted((s.incident for s in self._saved.values()), key=lambda i: (i.opened_at, i.id))
        return [cause for i in found if i.tenant_id == tenant and i.opened_at >= since for cause in i.causes]

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Lend all incidents and facts while nobody else reads or writes them: to look at them, or to replace them."""
        with self._lock:
            yield self._saved, self._facts

    def supersede(self) -> None:
        """Refuse from now on what was folded upon what is held: it has been rebuilt."""
        self._generation += 1

    def digest(self) -> str:
        """Return the digest of all incidents."""
        with self._lock:
            return digest_of((i, domain.encode(self._saved[i].incident)) for i in sorted(self._saved))


def _matches(incident: Incident, where: IncidentFilter) -> bool:
    text = (where.text or "").casefold()
    return (
        where.status in (None, incident.status)
        and where.project_id in (None, incident.project_id)
        and where.environment in (None, incident.environment)
        and (text in incident.title.casefold() or text in incident.culprit.casefold())
    )
