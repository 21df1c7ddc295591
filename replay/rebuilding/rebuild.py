"""Rebuild: the timeline folded from its first offset into a shadow of the incidents, compared with the live ones, and
made live when that is wanted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from msgspec import Struct

from premortem.exceptions import Conflict
from premortem.ports import LogReader, ShadowStore, Suspect
from replay.rebuilding.comparing import Difference, Judged, judge
from replay.rebuilding.folding import TIMELINE, Counts, Folding, chunks

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Told (records read, records to read)."""
_COMPARED = 200
_WRITTEN = 2_000
_REMEMBERED = 100_000
"""So many incidents of a partition are held at once; beyond that they wait in the shadow."""


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What was folded into the shadow."""

    counts: Counts
    starts: Sequence[int]
    """Per partition, the first offset that was read: above 0, the log has lost what lay before."""
    ends: Sequence[int]
    """Per partition, the offset behind the last record that was read."""
    digest: str


class Verified(Struct, frozen=True, kw_only=True):
    """What the live store holds, beside what the log gives."""

    digest: str
    """Of the live store; the rebuilt one's is another while `materialize` is behind or ahead."""
    lost: Sequence[str] = ()
    """Tables that are not there: then nothing was compared."""
    missing: int = 0
    """Incidents that the store has lost."""
    extra: int = 0
    """Incidents that the log knows nothing of."""
    differs: int = 0
    """Incidents of which the store holds something else."""
    behind: int = 0
    """Incidents that `materialize` has not brought up to date yet; what it has of them is right."""
    differences: Sequence[Difference] = ()
    """The first of them."""

    @property
    def equal(self) -> bool:
        """Tell whether the store holds what the log gives."""
        return not (self.lost or self.missing or self.extra or self.differs)


def rebuild(log: LogReader, shadow: ShadowStore, progress: Progress = lambda _done, _all: None) -> Rebuilt:
    """Fold the whole timeline into an empty shadow."""
    starts, ends = log.low_watermarks(TIMELINE), log.heads(TIMELINE)
    counts = _fold(log, shadow, starts, ends, fresh=True, progress=progress)
    return Rebuilt(counts=counts, starts=starts, ends=ends, digest=shadow.digest())


def verify(log: LogReader, shadow: ShadowStore, rebuilt: Rebuilt, most: int = 1_000) -> Verified:
    """Compare the live store with the shadow; up to `most` differences are told, all are counted.

    Live rows that are ahead of the shadow are compared once the shadow has come as far: it is folded on.
    """
    if lost := shadow.lost():
        return Verified(digest="", lost=lost)
    found: list[Judged] = []
    ahead: list[Suspect] = []
    ends = rebuilt.ends
    with shadow.examine() as examined:
        digest, positions = examined.digest, examined.positions
        for suspect, judged in _judged(shadow, examined.suspects, ends, positions):
            if judged.verdict == "ahead":
                ahead.append(suspect)
            else:
                found.append(_trimmed(judged, most))
                most -= len(found[-1].differences)
    if ahead:
        later = log.heads(TIMELINE)
        _fold(log, shadow, ends, later, fresh=False)
        found += [judged for _, judged in _judged(shadow, ahead, later, positions)]
    verdicts = [each.verdict for each in found]
    return Verified(
        digest=digest,
        missing=verdicts.count("missing"),
        extra=verdicts.count("extra"),
        differs=verdicts.count("differs"),
        behind=verdicts.count("behind"),
        differences=[difference for each in found for difference in each.differences],
    )


def swap(log: LogReader, shadow: ShadowStore, rebuilt: Rebuilt) -> tuple[int, str]:
    """Make the rebuilt incidents live; return how many changed, and the digest that all have now.

    Raises Conflict when the log does not hold everything, or is not the one that the live incidents were folded from.
    """
    if lost := [p for p, start in enumerate(rebuilt.starts) if start]:
        raise Conflict(
            f"the timeline begins at offset {rebuilt.starts[lost[0]]} of partition {lost[0]}: what lay before is gone, "
            "and a swap would lose it from the incidents, too. Restore the log first."
        )
    positions = shadow.positions()
    for partition, end in enumerate(log.heads(TIMELINE)):  # asked last: materialize goes on meanwhile
        if positions.get(partition, 0) > end:
            raise Conflict(
                f"partition {partition} of this timeline ends at offset {end}, and materialize has been at "
                f"{positions[partition]}: this is another log, or it was cut off. Name the right one."
            )

    def catch_up() -> None:
        _fold(log, shadow, rebuilt.ends, log.heads(TIMELINE), fresh=False)

    changed = shadow.swap(catch_up)
    return changed, shadow.digest()


def _fold(
    log: LogReader,
    shadow: ShadowStore,
    starts: Sequence[int],
    ends: Sequence[int],
    *,
    fresh: bool,
    progress: Progress = lambda _done, _all: None,
) -> Counts:
    """Fold these offsets into the shadow, which holds nothing of them, and nothing at all when it is `fresh`."""
    total = Counts()
    done, of = 0, sum(ends) - sum(starts)
    for partition, (start, end) in enumerate(zip(starts, ends, strict=True)):
        folding, alone = Folding(), fresh
        for records in chunks(log, partition, start, end):
            placed = folding.read(records)
            if not alone:
                unseen = {fact.incident_id for _, fact in placed} - folding.incidents.keys()
                folding.incidents.update(shadow.load(sorted(unseen)))
            shadow.add((), folding.take(placed))
            if len(folding.incidents) > _REMEMBERED:
                _put(shadow, folding)
                alone = False
            done += len(records)
            progress(done, of)
        _put(shadow, folding)
        total = total + folding.counts
    return total


def _put(shadow: ShadowStore, folding: Folding) -> None:
    for some in _batches(folding.incidents.values(), _WRITTEN):
        shadow.add(some, {})
    folding.incidents.clear()


def _judged(
    shadow: ShadowStore, suspects: Iterable[Suspect], ends: Sequence[int], positions: Mapping[int, int]
) -> Iterator[tuple[Suspect, Judged]]:
    for some in _batches(suspects, _COMPARED):
        ids = [suspect.incident_id for suspect in some]
        saved, facts = shadow.load(ids), shadow.facts(ids)
        for suspect in some:
            known, told = saved.get(suspect.incident_id), facts.get(suspect.incident_id, ())
            yield suspect, judge(suspect, known, told, ends, positions, shadow.rows)


def _trimmed(judged: Judged, most: int) -> Judged:
    return Judged(judged.verdict, judged.differences[: max(0, most)])


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
