"""What a rebuild needs: a shadow beside the live incidents, filled from the log, compared with them, and made live."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from premortem.domain.ids import IncidentId, TenantId
from premortem.ports.incidents import Saved, StoredFact

Row = Mapping[str, object]
Rows = Mapping[str, Mapping[tuple[object, ...], Row]]
"""What a store keeps of one incident: the columns, by table and by the row's key within the incident."""


class Suspect(Struct, frozen=True):
    """An incident of which the live store holds other rows than the shadow; `materialize` may just have moved on."""

    incident_id: IncidentId
    live: Rows


class Examined(Struct, frozen=True):
    """The live store at one moment, beside the shadow."""

    digest: str
    positions: Mapping[int, int]
    """How far `materialize` was, by partition: every record below it was saved."""
    suspects: Iterable[Suspect]
    """In order of id. Read them before the moment is over."""


class ShadowStore(Protocol):
    """Incidents folded from the log, beside the live ones; nobody reads them, and they go with whoever made them."""

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what the shadow holds of these incidents."""

    def facts(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Sequence[StoredFact]]:
        """Return the facts that the shadow holds of these incidents, in order of offset."""

    def add(self, incidents: Sequence[Saved], facts: Mapping[TenantId, Sequence[StoredFact]]) -> None:
        """Write incidents, replacing what the shadow holds of them, and facts that it does not hold yet, by tenant.

        A fact may come before its incident does.
        """

    def digest(self) -> str:
        """Return the digest of all incidents in the shadow: the one of `IncidentStore.digest`."""

    def rows(self, saved: Saved | None, facts: Sequence[StoredFact]) -> Rows:
        """Return the rows that the live store would hold of this; none at all for None."""

    def positions(self) -> Mapping[int, int]:
        """Return how far `materialize` is, by partition."""

    def lost(self) -> Sequence[str]:
        """Return the names of the live store's tables that are not there."""

    def examine(self) -> AbstractContextManager[Examined]:
        """Hold the live store at this moment; raises Unprepared when a table of it is not there."""

    def swap(self, catch_up: Callable[[], None]) -> int:
        """Make the live store hold what the shadow holds, for its readers at one moment; return how many incidents
        changed.

        Saves wait until it is done, and `catch_up`, which is called when none is under way any more, folds what the log
        has got meanwhile. What dataflows knew before is refused from then on (`IncidentStore.save`). Tables that are
        lost are made.
        """
