"""Folding: the timeline of one partition into its incidents, by the rules of `materialize` and without its store."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from premortem.domain import timeline
from premortem.domain.chain import NOTHING, lengthened
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import evolve
from premortem.domain.timeline import IncidentFact, TimelineTicked
from premortem.domain.versions import Newer
from premortem.exceptions import OffsetLost
from premortem.ports import LogReader, LogRecord, Saved, StoredFact, Topic
from replay.reading import batches

TIMELINE: Topic = "debugging.timeline"
_AT_ONCE = 1_000


class Counts(Struct, kw_only=True):
    """What became of the records that were read; nothing is dropped in silence."""

    facts: int = 0
    ticks: int = 0
    repeated: int = 0
    """Facts that stood on the log before: they changed nothing."""
    orphans: int = 0
    """Facts about an incident that nothing had opened."""
    unreadable: int = 0
    """Records that `materialize` made dead letters of."""

    @property
    def records(self) -> int:
        """How many were read."""
        return self.facts + self.ticks + self.repeated + self.orphans + self.unreadable

    def __add__(self, other: "Counts") -> "Counts":
        """Return the sum, kind by kind."""
        return Counts(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


class Folding:
    """The incidents of one partition as its records leave them."""

    def __init__(self) -> None:
        self.incidents: dict[IncidentId, Saved] = {}
        self.counts = Counts()

    def read(self, records: Sequence[LogRecord]) -> list[tuple[LogRecord, IncidentFact]]:
        """Return the facts among the records; raises Newer, as live, for what only a newer version can read."""
        placed: list[tuple[LogRecord, IncidentFact]] = []
        for record in records:
            try:
                fact = timeline.decode(record.value)
            except Newer:
                raise
            except Exception:  # noqa: BLE001 -- as live: what cannot be read must not stop what stands behind it
                self.counts.unreadable += 1
                continue
            if isinstance(fact, TimelineTicked):
                self.counts.ticks += 1
            else:
                placed.append((record, fact))
        return placed

    def take(self, placed: Sequence[tuple[LogRecord, IncidentFact]]) -> Mapping[TenantId, Sequence[StoredFact]]:
        """Fold the facts and return those that are stored, by the tenant of their incident."""
        stored: dict[TenantId, list[StoredFact]] = {}
        incidents, counts = self.incidents, self.counts
        for record, fact in placed:
            before = incidents.get(fact.incident_id)
            known, head = (before.incident, before.chain) if before is not None else (None, NOTHING)
            try:
                after = evolve(known, fact)
            except Exception:  # noqa: BLE001 -- as live
                counts.unreadable += 1
                continue
            if after is None:
                counts.orphans += 1
                continue
            chain = lengthened(head, known, after, record.value)
            incidents[fact.incident_id] = Saved(after, record.partition, record.offset, chain)
            if after is known:
                counts.repeated += 1
                continue
            counts.facts += 1
            row = _stored(record, fact, chain)
            if (rows := stored.get(after.tenant_id)) is None:
                rows = stored[after.tenant_id] = []
            rows.append(row)
        return stored


def _stored(record: LogRecord, fact: IncidentFact, chain: str) -> StoredFact:
    kind = type(fact).__name__
    return StoredFact(
        fact.incident_id, fact.id, record.partition, record.offset, kind, fact.occurred_at, record.value, chain
    )


def folded(facts: Sequence[StoredFact], offset: int) -> Saved | None:
    """Return the incident of stored facts (in order of offset) as it was at `offset`; None when nothing opened it."""
    folding = Folding()
    told = [fact for fact in facts if fact.offset <= offset]
    folding.take(folding.read([LogRecord(f.partition, f.offset, f.incident_id, f.value, 0) for f in told]))
    for saved in folding.incidents.values():
        return Saved(saved.incident, saved.partition, offset, saved.chain)
    return None


def chunks(log: LogReader, partition: int, start: int, end: int) -> Iterator[Sequence[LogRecord]]:
    """Yield the timeline's records of a partition from offset `start` up to `end`; raises OffsetLost for a gap."""
    for records in batches(log, TIMELINE, partition, start, end, _AT_ONCE):
        yield records
        start = records[-1].offset + 1
    if start < end:
        raise OffsetLost(f"{TIMELINE}/{partition} ends at offset {start}, and it reached {end} before. Restore it.")
