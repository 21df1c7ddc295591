"""Facts as `materialize` and `route` read them from the timeline."""

from collections.abc import Mapping

from msgspec import Struct

from premortem.domain import timeline
from premortem.domain.conservation import Outcome
from premortem.domain.timeline import IncidentFact, TimelineTicked
from premortem.ports import LogRecord, StoredFact


class PlacedFact(Struct, frozen=True):
    """A fact and the record that it stands in."""

    fact: IncidentFact
    record: LogRecord


class TakingFacts:
    """Handles the timeline for `materialize`: facts go on, ticks belong to no incident."""

    def take(self, record: LogRecord, into: list[PlacedFact]) -> Outcome:
        """Pass the record on when it is a fact; raises ValueError when it is nothing of ours."""
        event = timeline.decode(record.value)
        if isinstance(event, TimelineTicked):
            return "filtered"
        into.append(PlacedFact(event, record))
        return "out"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return nothing: the state of an incident is in the incident store."""
        return {}


def stored(placed: PlacedFact, chain: str) -> StoredFact:
    """Return the row of a fact; `chain` is the head with it."""
    fact, record = placed.fact, placed.record
    return StoredFact(
        incident_id=fact.incident_id,
        fact_id=fact.id,
        partition=record.partition,
        offset=record.offset,
        kind=type(fact).__name__,
        occurred_at=fact.occurred_at,
        value=record.value,
        chain=chain,
    )
