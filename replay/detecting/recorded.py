"""Recorded: what the detector has told by the timeline, each fact by its id, and what it has refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Struct

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.detection.provenance import DETECTORS, detector_version, is_of_detector
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import decode as record_at
from premortem.domain.timeline import IncidentFact, TimelineEvent, TimelineTicked, decode_as_written
from premortem.domain.timeline import decode as read_fact
from premortem.domain.versions import Newer
from premortem.ports import LogReader, LogRecord
from replay.reading import batches

AT_ONCE = 10_000


class Place(NamedTuple):
    """Where a record stands in its topic."""

    partition: int
    offset: int


class Recorded(Struct, gc=False):
    """A fact as it stands on the timeline: enough to tell whether a replay says the same."""

    place: Place
    digest: bytes
    project: int
    at: int
    """When it happened, in milliseconds since 1970 UTC."""
    version: int
    """Of the detector; 0 = not said."""
    matched: bool = False


class Unread(NamedTuple):
    """A record of the timeline that cannot be read here."""

    place: Place
    incident_id: str
    newer: bool
    """A newer version of Premortem wrote it; otherwise it is no record at all."""
    reason: str


class Timeline:
    """The detector's facts on the timeline. The same fact may stand twice; one id may stand over other contents."""

    def __init__(self) -> None:
        self.facts: dict[str, list[Recorded]] = {}
        self.repeated = 0
        """How many records only say again what stands already."""
        self.unread: list[Unread] = []

    def __iter__(self) -> Iterator[Recorded]:
        return (each for standing in self.facts.values() for each in standing)

    def take(self, record: LogRecord, project: ProjectId | None) -> None:
        """Note the record, if it is a fact of the detector's (of this project; None = of any)."""
        if not _may_be_told(record.value):
            return
        place = Place(record.partition, record.offset)
        try:
            read_fact(record.value)  # what a newer version wrote may not mean what it seems to
            fact = decode_as_written(record.value)
        except (ValueError, Newer) as exception:
            self.unread.append(Unread(place, record.key, isinstance(exception, Newer), str(exception)))
            return
        if isinstance(fact, TimelineTicked) or not is_of_detector(fact) or project not in (None, fact.project_id):
            return
        standing = self.facts.setdefault(fact.id, [])
        digest = digest_of(record.value)
        if any(each.digest == digest for each in standing):
            self.repeated += 1
        else:
            standing.append(Recorded(place, digest, fact.project_id, fact.occurred_at, detector_version(fact)))


def digest_of(fact: bytes) -> bytes:
    """Return what stands for an encoded fact in a comparison."""
    return blake2b(fact, digest_size=16).digest()


_OURS = tuple(b'{"kind":"%s"' % kind.__name__.encode() for kind in DETECTORS)
_OTHERS = tuple(
    b'{"kind":"%s"' % str(kind.__struct_config__.tag).encode()
    for kind in TimelineEvent.__args__
    if kind not in DETECTORS
)


def _may_be_told(record: bytes) -> bool:
    """Say whether encoded bytes may be a fact of the detector's: `encode` writes the kind first."""
    return record.startswith(_OURS) or not record.startswith(_OTHERS)


def timeline(
    log: LogReader, heads: Sequence[int], project: ProjectId | None, read: Callable[[int], None] = lambda _: None
) -> Timeline:
    """Return the detector's facts on the timeline up to its heads (of this project; None = of all).

    `read` is told how many records have been read, batch by batch.
    """
    found = Timeline()
    for partition, head in enumerate(heads):
        for records in batches(log, "debugging.timeline", partition, 0, head, AT_ONCE):
            for record in records:
                found.take(record, project)
            read(len(records))
    return found


def content(log: LogReader, recorded: Recorded) -> IncidentFact:
    """Return the fact as it stands, in the words of its own version."""
    (record,) = log.read("debugging.timeline", *recorded.place, 1)
    fact: TimelineEvent = decode_as_written(record.value)
    assert not isinstance(fact, TimelineTicked)  # it was a detection's when it was noted
    return fact


class _Letter(Struct):
    """Of a dead letter what says which record was refused, and why."""

    flow: str
    topic: str
    partition: int
    offset: int
    reason: str


_LETTER = msgspec.json.Decoder(_Letter)


def refusals(log: LogReader) -> Mapping[tuple[str, Place], str]:
    """Return which records were refused, by topic and place, and why: of the project stream by the detector, of the
    timeline by anybody.
    """
    found: dict[tuple[str, Place], str] = {}
    lows = log.low_watermarks("dead-letters")
    for partition, head in enumerate(log.heads("dead-letters")):
        for records in batches(log, "dead-letters", partition, lows[partition], head, AT_ONCE):
            for record in records:
                try:
                    letter = _LETTER.decode(record.value)
                except ValueError:
                    continue
                if letter.flow == "detect" or letter.topic == "debugging.timeline":
                    found[letter.topic, Place(letter.partition, letter.offset)] = letter.reason
    return found


def partitions_of(log: LogReader, project: ProjectId | None) -> list[int]:
    """Return the partitions of the project stream that hold the project; None = all."""
    count = log.partitions("sentry.events")
    return [*range(count)] if project is None else [partition_of(str(project), count)]


def project_at(log: LogReader, place: Place) -> int:
    """Return whose record stands at a place of the project stream; -1 = that cannot be told."""
    try:
        (record,) = log.read("sentry.events", *place, 1)
        return record_at(record.value).project_id
    except ValueError:
        return -1
