"""Differing: the detector's facts on the timeline beside those of a replay, by id and to the byte."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from premortem.domain.detection.provenance import decision_of, detector_version
from premortem.domain.timeline import IncidentFact, encode
from premortem.ports import LogReader
from replay.detecting.observed import Told
from replay.detecting.recorded import Place, Recorded, Timeline, content, digest_of

_ABSENT = "(none)"

Kind = Literal["recorded only", "replayed only", "other content", "cannot be read", "refused in replay"]
Reason = Literal[
    "detector version", "state of an older version", "record version", "newer version", "configuration", "dead letter"
]


class Field(NamedTuple):
    """A field that differs, by its path, with both values as JSON writes them."""

    name: str
    recorded: str
    replayed: str


class Limit(NamedTuple):
    """A number that a decision was measured by, as one side has it."""

    name: str
    value: float
    recorded: bool


class Difference(Struct, frozen=True, kw_only=True):
    """One fact that stands on the timeline otherwise than a replay tells it."""

    kind: Kind
    fact: str
    """Which kind of fact."""
    fact_id: str
    incident_id: str
    project: int
    at: int
    """When it happened, in milliseconds since 1970 UTC."""
    recorded_by: int = 0
    """The version of the detector that stands in the recorded fact; 0 = none does, or none is recorded."""
    place: Place | None = None
    """Where it stands on the timeline, or a refused record on the project stream."""
    after: int | None = None
    """Behind which record of the project stream, by offset, the replay told it."""
    fields: tuple[Field, ...] = ()
    limits: tuple[Limit, ...] = ()
    """What the recorded decision was measured by, and the replayed one."""
    reason: Reason | None = None
    """What explains it; None = nothing does."""
    note: str = ""


class Beside:
    """Takes what a replay tells, and finds it on the timeline."""

    def __init__(self, timeline: Timeline, reached: Mapping[int, int]) -> None:
        self._timeline, self._reached = timeline, reached
        self.replayed = 0
        self.matched = 0
        self.awaited = 0
        """Told behind records that `detect` has not reached yet."""
        self._others: dict[tuple[str, bytes], Told] = {}

    def take(self, partition: int, told: list[Told]) -> None:
        """Compare what the replay told of a partition."""
        reached = self._reached.get(partition, 0)
        for after, fact in told:
            self.replayed += 1
            digest = digest_of(encode(fact))
            standing = self._timeline.facts.get(fact.id, ())
            same = next((each for each in standing if each.digest == digest), None)
            if same is not None:
                self.matched += not same.matched
                same.matched = True
            elif after < reached or standing:
                self._others.setdefault((fact.id, digest), (after, fact))
            else:
                self.awaited += 1

    def differences(self, log: LogReader) -> Iterator[Difference]:
        """Yield what differs, by partition and offset of what stands, then what does not stand."""
        told: dict[str, Told] = {}
        for (name, _), each in self._others.items():
            told.setdefault(name, each)
        paired = set[str]()
        for recorded in self._timeline:
            if not recorded.matched:
                fact = content(log, recorded)
                yield _of_recorded(log, fact, recorded, self._counterpart(fact, told))
                paired.add(fact.id)
        for name, (after, fact) in told.items():
            if name not in paired:
                yield _of_replayed(after, fact)

    def _counterpart(self, fact: IncidentFact, told: Mapping[str, Told]) -> IncidentFact | Recorded | None:
        """Return what the replay told under the fact's id; the record that says so, where one does."""
        if fact.id in told:
            return told[fact.id][1]
        return next((each for each in self._timeline.facts[fact.id] if each.matched), None)


def _of_recorded(
    log: LogReader, fact: IncidentFact, recorded: Recorded, counterpart: IncidentFact | Recorded | None
) -> Difference:
    replayed = content(log, counterpart) if isinstance(counterpart, Recorded) else counterpart
    return Difference(
        kind="recorded only" if replayed is None else "other content",
        fact=type(fact).__name__,
        fact_id=fact.id,
        incident_id=fact.incident_id,
        project=fact.project_id,
        at=fact.occurred_at,
        recorded_by=recorded.version,
        place=recorded.place,
        fields=() if replayed is None else tuple(differing(fact, replayed)),
        limits=(*_limits(fact, recorded=True), *_limits(replayed, recorded=False)),
    )


def _of_replayed(after: int, fact: IncidentFact) -> Difference:
    return Difference(
        kind="replayed only",
        fact=type(fact).__name__,
        fact_id=fact.id,
        incident_id=fact.incident_id,
        project=fact.project_id,
        at=fact.occurred_at,
        after=after,
        limits=tuple(_limits(fact, recorded=False)),
        note=f"told by detector version {detector_version(fact)}",
    )


def _limits(fact: IncidentFact | None, *, recorded: bool) -> Iterator[Limit]:
    """Yield what the fact's decision was measured by."""
    decision = decision_of(fact) if fact is not None else None
    if decision is None:
        return
    if decision.threshold is not None:
        yield Limit("threshold", decision.threshold, recorded)
    for gate in decision.gates:
        yield Limit(gate.name, gate.limit, recorded)


def differing(recorded: IncidentFact, replayed: IncidentFact) -> Iterator[Field]:
    """Yield the fields that differ, by path, in the order in which they are written."""
    one, other = dict(_leaves("", _plain(recorded))), dict(_leaves("", _plain(replayed)))
    for name in [*one, *(name for name in other if name not in one)]:
        if one.get(name) != other.get(name):
            yield Field(name, one.get(name, _ABSENT), other.get(name, _ABSENT))


def _plain(fact: IncidentFact) -> Any:
    return msgspec.json.decode(encode(fact))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every value that holds no others, by its path."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, part)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(f"{path}[{number}]", part)
    else:
        yield path, msgspec.json.encode(value).decode()
