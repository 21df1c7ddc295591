"""Digests: the state of the incidents at offsets of the timeline, so that two machines find where they part."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from premortem.domain import incident
from premortem.domain.digest import digest_of
from premortem.exceptions import Malformed
from premortem.ports import LogReader
from replay.rebuilding.folding import TIMELINE, Folding, chunks
from replay.rebuilding.rebuild import Progress


class Mark(Struct, frozen=True):
    """The incidents of a partition after every record below `offset`: how many, and the digest over them in order of
    id, as `IncidentStore.digest` makes it over all.
    """

    partition: int
    offset: int
    incidents: int
    digest: str


class IncidentDigest(Struct, frozen=True):
    """One incident after every record that was read: the SHA-256 (hex) over its id and its canonical bytes."""

    partition: int
    incident_id: str
    offset: int
    """Of its last fact."""
    digest: str


def marks(
    log: LogReader,
    partitions: Sequence[int],
    every: int | None,
    until: int | None,
    progress: Progress = lambda _done, _all: None,
) -> Iterator[Mark]:
    """Yield a mark at each multiple of `every` offsets (None = none of them) and at the end: `until`, or the head."""
    for partition, start, end, folding in _ranges(log, partitions, until):
        step = every or end
        reached = start
        while reached < end:
            upto = min(end, reached - reached % step + step)
            for records in chunks(log, partition, reached, upto):
                folding.take(folding.read(records))
                progress(records[-1].offset + 1, end)
            reached = upto
            yield _mark(partition, reached, folding)
        if start == end:
            yield _mark(partition, end, folding)


def incident_digests(
    log: LogReader,
    partitions: Sequence[int],
    until: int | None,
    progress: Progress = lambda _done, _all: None,
) -> Iterator[IncidentDigest]:
    """Yield the digest of every incident at the end: `until`, or the head; in order of id within each partition."""
    for partition, start, end, folding in _ranges(log, partitions, until):
        for records in chunks(log, partition, start, end):
            folding.take(folding.read(records))
            progress(records[-1].offset + 1, end)
        for incident_id, saved in sorted(folding.incidents.items()):
            digest = digest_of([(incident_id, incident.encode(saved.incident))])
            yield IncidentDigest(partition, incident_id, saved.offset, digest)


def _ranges(log: LogReader, partitions: Sequence[int], until: int | None) -> Iterator[tuple[int, int, int, Folding]]:
    """Yield (partition, first offset, end, what folds it); none named = all of them."""
    starts, heads = log.low_watermarks(TIMELINE), log.heads(TIMELINE)
    for partition in partitions or range(len(heads)):
        if not 0 <= partition < len(heads):
            raise Malformed(f"the timeline has no partition {partition}. There are 0 to {len(heads) - 1}.")
        end = heads[partition] if until is None else until
        if not starts[partition] <= end <= heads[partition]:
            raise Malformed(
                f"partition {partition} holds offsets {starts[partition]} to {heads[partition]}, and not {end}. "
                "Name another --until, or the --partition that has it."
            )
        yield partition, starts[partition], end, Folding()


def _mark(partition: int, offset: int, folding: Folding) -> Mark:
    rows = ((i, incident.encode(folding.incidents[i].incident)) for i in sorted(folding.incidents))
    return Mark(partition, offset, len(folding.incidents), digest_of(rows))
