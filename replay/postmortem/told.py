"""Told: an incident's facts as they stand on the timeline, each with its place, and what they fold to."""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.evidence import Evidence
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import Incident, fold
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    IncidentDetected,
    IncidentFact,
    IncidentReopened,
    IncidentResolved,
    TimelineTicked,
    decode,
)
from premortem.exceptions import Malformed
from premortem.ports import LogReader
from replay.reading import Progress, batches

F = TypeVar("F", bound=IncidentFact)


class Placed(NamedTuple):
    """A fact, and where it stands."""

    partition: int
    offset: int
    fact: IncidentFact

    @property
    def where(self) -> str:
        """Return its place as a post-mortem cites it."""
        return f"timeline/{self.partition}/{self.offset}"


class Story(NamedTuple):
    """Everything that the timeline says of one incident, each fact once, in the order of the log."""

    incident: Incident
    facts: tuple[Placed, ...]

    @property
    def opened(self) -> IncidentDetected:
        """Return the fact that opened it."""
        (first, *_) = self.of(IncidentDetected)
        return first.fact  # type: ignore[return-value]  # `of` was asked for it

    def of(self, *kinds: type[IncidentFact]) -> tuple[Placed, ...]:
        """Return the facts of these kinds."""
        return tuple(each for each in self.facts if isinstance(each.fact, kinds))

    def newest(self, kind: type[F]) -> tuple[str, F] | None:
        """Return the newest fact of a kind, with its place."""
        return next(((p.where, p.fact) for p in reversed(self.facts) if isinstance(p.fact, kind)), None)

    @property
    def ended(self) -> Placed | None:
        """Return the fact that ended it: the first resolution since it was opened last; None = it goes on."""
        found: Placed | None = None
        for each in self.of(IncidentResolved, IncidentReopened):
            found = None if isinstance(each.fact, IncidentReopened) else found or each
        return found if self.incident.status == "resolved" else None

    def observations(self) -> Iterator[tuple[str, Evidence]]:
        """Yield every stored observation with the place of the fact that holds it, the newest first."""
        for each in reversed(self.facts):
            if isinstance(each.fact, ContextBuilt | EvaluationCompleted):
                yield from ((each.where, evidence) for evidence in each.fact.evidence)


def story(
    log: LogReader, tenant: TenantId, incident: IncidentId, progress: Progress = lambda _done, _all: None
) -> Story:
    """Return what the timeline says of the incident. Raises Malformed when it knows none of that id of the tenant's."""
    partition = partition_of(incident, log.partitions("debugging.timeline"))
    placed: dict[str, Placed] = {}
    for offset, fact in _facts(log, partition, incident, progress):
        placed.setdefault(fact.id, Placed(partition, offset, fact))
    found = fold(each.fact for each in placed.values())
    if found is None or found.tenant_id != tenant:
        raise Malformed(
            f"the log knows no incident {incident} of tenant {tenant!r}. List them: premortem incidents list."
        )
    return Story(found, tuple(placed.values()))


def _facts(
    log: LogReader, partition: int, incident: IncidentId, progress: Progress
) -> Iterator[tuple[int, IncidentFact]]:
    low, head = log.low_watermarks("debugging.timeline")[partition], log.heads("debugging.timeline")[partition]
    for found in batches(log, "debugging.timeline", partition, low, head):
        for record in found:
            if record.key != incident:
                continue
            try:
                fact = decode(record.value)
            except ValueError:
                continue  # what route could not read moved nothing either: it is a dead letter
            if not isinstance(fact, TimelineTicked):
                yield record.offset, fact
        progress(found[-1].offset + 1, head)
