"""An incident as it was at an offset of the timeline: what `route` reacts upon, however far `materialize` has come.

The stored incident may be behind that offset or already beyond it, and a reaction to either would differ from the
first one after a crash. The stored facts carry their offsets: folding those below the offset gives the one right state,
once `materialize` has passed it.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from threading import Event

from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.stopping import Abandoned
from premortem.adapters.streams.timeline_facts import PlacedFact
from premortem.domain import timeline
from premortem.domain.ids import IncidentId
from premortem.domain.incident import Incident, evolve
from premortem.domain.timeline import TimelineTicked
from premortem.ports import CheckpointStore, IncidentStore, StoredFact

_LOGGER = logging.getLogger(__name__)
_PAGE = 1000
_POLL_SECONDS = 0.02
_POLLS_PER_WARNING = 500


class IncidentHistory:
    """Keeps the `remembered` incidents of a partition that were last reacted upon; the store has the others."""

    def __init__(
        self,
        store: IncidentStore,
        checkpoints: CheckpointStore,
        patience: Patience,
        stop: Event,
        remembered: int = 5_000,
    ) -> None:
        self._store, self._checkpoints, self._patience, self._stop = store, checkpoints, patience, stop
        self._remembered = remembered
        self._known: OrderedDict[IncidentId, Incident] = OrderedDict()
        self._generation: int | None = None

    def before(self, placed: PlacedFact) -> Incident | None:
        """Return the incident as it was before this fact's offset; None when it was not open yet.

        Waits until `materialize` has passed the fact when the incident is not remembered; raises Abandoned when told to
        stop meanwhile.
        """
        known = self._known.get(placed.fact.incident_id)
        if known is not None:
            return known
        if self._generation is None:
            self._generation = self._patience(self._store.generation)
        self._wait_for(placed)
        return self._fold(placed)

    def remember(self, incident: Incident) -> None:
        """Keep the incident after the fact that was asked about."""
        self._known[incident.id] = incident
        self._known.move_to_end(incident.id)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def refresh(self) -> None:
        """Forget what is remembered when the incidents were rebuilt since."""
        if self._generation is not None and self._generation != self._patience(self._store.generation):
            self._known.clear()
            self._generation = None

    def _wait_for(self, placed: PlacedFact) -> None:
        polls = 0
        while not self._patience(lambda: self._has_passed(placed)):
            if self._stop.wait(_POLL_SECONDS):
                raise Abandoned("told to stop while waiting for materialize")
            polls += 1
            if polls % _POLLS_PER_WARNING == 0:
                _LOGGER.warning("materialize has not reached %s; does it run?", placed.record.offset)

    def _has_passed(self, placed: PlacedFact) -> bool:
        """Tell by the incident's own row, written at once, or else by the position, saved now and then."""
        incident_id, record = placed.fact.incident_id, placed.record
        saved = self._store.load([incident_id]).get(incident_id)
        if saved is not None and saved.offset >= record.offset:
            return True
        return self._checkpoints.positions().get(("materialize", record.partition), 0) > record.offset

    def _fold(self, placed: PlacedFact) -> Incident | None:
        incident: Incident | None = None
        page = self._page(placed, -1)
        while page:
            for row in page:
                fact = timeline.decode(row.value)
                if row.offset < placed.record.offset and not isinstance(fact, TimelineTicked):
                    incident = evolve(incident, fact)
            page = self._page(placed, page[-1].offset) if len(page) == _PAGE else ()
        return incident

    def _page(self, placed: PlacedFact, after: int) -> Sequence[StoredFact]:
        fact = placed.fact
        return self._patience(lambda: self._store.timeline(fact.tenant_id, fact.incident_id, after, _PAGE))
