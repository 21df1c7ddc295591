"""Observed: a partition of the project stream through the detector of the dataflow, and what it tells."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.detection.ordering import Packed
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import Ticked, decode, encode, tick
from premortem.domain.timeline import IncidentFact
from premortem.domain.versions import Newer
from premortem.exceptions import Malformed
from premortem.ports import LogReader, LogRecord
from replay.detecting.recorded import AT_ONCE, Place
from replay.reading import batches

Told = tuple[int, IncidentFact]
"""A fact, and the offset of the record behind which the detector told it."""


class Refused(NamedTuple):
    """A record that the detector could not use."""

    place: Place
    project: int
    """0 = it does not say whose it is."""
    reason: str


class Observation:
    """A detector on its way through one partition, as `detect` takes it: whole, from offset zero, record by record.

    Each record is decoded once, as it comes. The detector waits with records, not with their bytes; that changes
    nothing of what it says (ADR 12).
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._detector = Detector()
        self.refused: list[Refused] = []

    def take(self, records: Iterable[LogRecord]) -> list[Told]:
        """Return what the records show. Raises Malformed for a record that a newer version wrote."""
        told: list[Told] = []
        admit, judge = self._detector.admit, self._detector.judge
        for record in records:
            offset = record.offset
            try:
                due = admit(offset, _opened(record.value))
            except ValueError as exception:
                self._refuse(offset, record.value, exception)
                continue
            except Newer as exception:
                raise self._beyond(offset, exception) from exception
            for _, place, packed in due:
                try:
                    found = judge(packed)
                except Newer as exception:
                    raise self._beyond(place, exception) from exception
                except Exception as exception:  # noqa: BLE001 -- as in detect: it must not stop those behind it
                    self._refuse(place, packed, exception)
                else:
                    if found:
                        told += [(offset, fact) for fact in found]
        return told

    def _refuse(self, offset: int, packed: Packed, exception: Exception) -> None:
        project = 0 if isinstance(packed, bytes) else packed.project_id
        self.refused.append(Refused(Place(self._partition, offset), project, repr(exception)))

    def _beyond(self, offset: int, exception: Newer) -> Malformed:
        return Malformed(f"sentry.events, partition {self._partition}, offset {offset}: {exception}")


def _opened(record: bytes) -> Packed:
    """Return the record; its bytes when they are none: the detector says so when their turn comes."""
    try:
        return decode(record)
    except ValueError:
        return record


def otherwise(
    log: LogReader, partition: int, head: int, project: ProjectId, instead: Callable[[bytes], bytes | None]
) -> Iterator[list[Told]]:
    """Yield what the detector would tell of one project, had some of its records said something else.

    `instead`: what stands in a record's place; None = it only lets time pass, as the records of other projects do.
    """
    observation = Observation(partition)
    for records in batches(log, "sentry.events", partition, 0, head, AT_ONCE):
        yield observation.take([_instead(record, project, instead) for record in records])


def _instead(record: LogRecord, project: ProjectId, instead: Callable[[bytes], bytes | None]) -> LogRecord:
    try:
        found = decode(record.value)
    except ValueError:
        return record
    value = record.value if isinstance(found, Ticked) else None
    if found.project_id == project and value is None:
        value = instead(record.value)
    return replace(record, value=encode(tick(found.received_at)) if value is None else value)
