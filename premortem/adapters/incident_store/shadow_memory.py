"""A shadow of the incidents in memory: for tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.rows import rows_of
from premortem.domain import incident as domain
from premortem.domain.digest import digest_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.ports import CheckpointStore, Examined, Rows, Saved, StoredFact, Suspect


class MemoryShadowStore:
    """Dicts beside those of the live store."""

    def __init__(self, live: MemoryIncidentStore, checkpoints: CheckpointStore) -> None:
        self._live, self._checkpoints = live, checkpoints
        self._saved: dict[IncidentId, Saved] = {}
        self._facts: dict[IncidentId, list[StoredFact]] = {}

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what the shadow holds of these incidents."""
        return {i: self._saved[i] for i in incident_ids if i in self._saved}

    def facts(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Sequence[StoredFact]]:
        """Return the facts that the shadow holds of these incidents."""
        return {i: sorted(self._facts[i], key=lambda fact: fact.offset) for i in incident_ids if i in self._facts}

    def add(self, incidents: Sequence[Saved], facts: Mapping[TenantId, Sequence[StoredFact]]) -> None:
        """Write incidents and facts."""
        self._saved.update({saved.incident.id: saved for saved in incidents})
        for told in facts.values():
            for fact in told:
                self._facts.setdefault(fact.incident_id, []).append(fact)

    def digest(self) -> str:
        """Return the digest of all incidents in the shadow."""
        return _digest(self._saved)

    def rows(self, saved: Saved | None, facts: Sequence[StoredFact]) -> Rows:
        """Return the rows that the live store would hold of this."""
        return rows_of(saved, facts)

    def positions(self) -> Mapping[int, int]:
        """Return how far `materialize` is, by partition."""
        return {p: offset for (flow, p), offset in self._checkpoints.positions().items() if flow == "materialize"}

    def lost(self) -> Sequence[str]:
        """Return nothing: memory has no tables."""
        return ()

    @contextmanager
    def examine(self) -> Iterator[Examined]:
        """Hold the live store at this moment."""
        positions = self.positions()
        with self._live.held() as (saved, facts):
            live = {i: rows_of(saved.get(i), list(facts.get(i, {}).values())) for i in saved.keys() | facts.keys()}
            digest = _digest(saved)
        suspects = [
            Suspect(i, live.get(i, rows_of(None, ())))
            for i in sorted(live.keys() | self._saved.keys())
            if live.get(i) != rows_of(self._saved.get(i), self._facts.get(i, []))
        ]
        yield Examined(digest, positions, suspects)

    def swap(self, catch_up: Callable[[], None]) -> int:
        """Replace what the live store holds, under its lock."""
        with self._live.held() as (saved, facts):
            catch_up()
            rebuilt = {i: {fact.fact_id: fact for fact in told} for i, told in self._facts.items()}
            ids = saved.keys() | self._saved.keys()
            changed = sum((saved.get(i), facts.get(i)) != (self._saved.get(i), rebuilt.get(i)) for i in ids)
            for old, new in ((saved, self._saved), (facts, rebuilt)):
                old.clear()
                old.update(new)  # type: ignore[arg-type]  # each with its own
            self._live.supersede()
        return changed


def _digest(saved: Mapping[IncidentId, Saved]) -> str:
    return digest_of((i, domain.encode(saved[i].incident)) for i in sorted(saved))
