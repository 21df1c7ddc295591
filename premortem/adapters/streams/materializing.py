"""materialize: facts folded into incidents and saved.

Loading, folding and saving are in one hand: an incident that has been folded and not yet saved is never loaded.
"""

from collections import OrderedDict
from collections.abc import Sequence

from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.delivery import Delivered
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.timeline_facts import PlacedFact, stored
from premortem.domain.chain import NOTHING, lengthened
from premortem.domain.ids import IncidentId
from premortem.domain.incident import evolve
from premortem.exceptions import Superseded
from premortem.ports import Append, IncidentStore, Saved, StoredFact


class Materializing:
    """Folds the facts of one partition; keeps the `remembered` incidents last touched, the store has the others."""

    def __init__(self, store: IncidentStore, patience: Patience, remembered: int = 5_000) -> None:
        self._store, self._patience, self._remembered = store, patience, remembered
        self._known: OrderedDict[IncidentId, Saved] = OrderedDict()
        self._generation: int | None = None

    def __call__(self, items: Sequence[PlacedFact]) -> Delivered:
        """Save what the facts make of their incidents, and the facts, in one transaction.

        When the incidents were rebuilt meanwhile it forgets those that it remembers, and folds upon the rebuilt ones.
        """
        while True:
            try:
                return self._settle(items)
            except Superseded:
                self._known.clear()
                self._generation = None

    def _settle(self, items: Sequence[PlacedFact]) -> Delivered:
        if self._generation is None:
            self._generation = self._patience(self._store.generation)
        generation = self._generation
        known = self._load({item.fact.incident_id for item in items})
        changed: dict[IncidentId, Saved] = {}
        rows: list[StoredFact] = []
        letters: list[Append] = []
        orphans = 0
        for item in items:
            incident_id, record = item.fact.incident_id, item.record
            before = changed.get(incident_id) or known.get(incident_id)
            if before is not None and record.offset <= before.offset:
                continue  # folded before a crash
            try:
                after = _folded(before, item)
            except Exception as exception:  # noqa: BLE001 -- a fact that cannot be folded must not stop those behind it
                letters.append(dead_letter("materialize", "debugging.timeline", record, repr(exception)))
                continue
            if after is None:
                orphans += 1
                continue
            changed[incident_id] = after
            if before is None or after.incident is not before.incident:  # else it was written twice, and its row stands
                rows.append(stored(item, after.chain))
        if changed:
            self._patience(lambda: self._store.save(list(changed.values()), rows, generation))
            self._remember(changed)
        return Delivered(filtered=orphans, dead_letters=letters)

    def _load(self, incident_ids: set[IncidentId]) -> dict[IncidentId, Saved]:
        """Return what is known of these incidents."""
        known = {i: self._known[i] for i in incident_ids if i in self._known}
        unseen = sorted(incident_ids - known.keys())
        return {**known, **self._patience(lambda: self._store.load(unseen))} if unseen else known

    def _remember(self, changed: dict[IncidentId, Saved]) -> None:
        for incident_id, saved in changed.items():
            self._known[incident_id] = saved
            self._known.move_to_end(incident_id)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)


def _folded(before: Saved | None, item: PlacedFact) -> Saved | None:
    """Return the incident after the fact; None while nothing has opened it."""
    known, record = before.incident if before else None, item.record
    incident = evolve(known, item.fact)
    if incident is None:
        return None
    chain = lengthened(before.chain if before else NOTHING, known, incident, record.value)
    return Saved(incident, record.partition, record.offset, chain)
