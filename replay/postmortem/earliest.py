"""Earliest: when the detector could have opened the incident, had no person set a mute, a gate or a number.

The project's records are replayed up to the incident's opening through two detectors at once: as it was, and without
what persons have set. If the second one speaks earlier, the log is read once more with each of these things left
out alone, which tells what each of them cost.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.detection import Detector
from premortem.domain.detection.config import DAY_MS, MINUTE_MS
from premortem.domain.project_stream import (
    DetectorConfigured,
    ErrorSeen,
    Muted,
    ProjectRecord,
    RuleChanged,
    tick,
)
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentReopened
from premortem.ports import LogReader
from replay.reading import Progress, project_records

_NOTABLE_MS = MINUTE_MS
"""The detector waits a moment for what comes mixed up, and some minutes for others of one cause."""
_LATEST_MS = 2 * DAY_MS
"""So long after its event is an incident looked for: quiet hours and the age at which nothing pages end sooner."""


class Seen(Struct, frozen=True):
    """An event of the error on `sentry.events`. Times in milliseconds since 1970 UTC."""

    offset: int
    occurred_at: int
    received_at: int


class Firing(Struct, frozen=True):
    """A detector spoke: of which event, and how long after it had come (ms), which is long where something held it."""

    event: Seen
    waited: int

    @property
    def at(self) -> int:
        """Return when it was told, in event time: that of the event, and what it was held back."""
        return self.event.occurred_at + (self.waited if self.waited >= _NOTABLE_MS else 0)


class Cost(Struct, frozen=True):
    """What a person had set, and by how much later the incident was told for it (ms)."""

    what: str
    milliseconds: int


class Earliest(Struct, frozen=True):
    """When it began and when it could have been told. `did` None = today's detector does not open it from the log."""

    partition: int
    first: Seen | None
    """The first event of the error ever,"""
    begun: Seen | None
    """and the first one since the onset of the change."""
    could: Firing | None
    did: Firing | None
    costs: tuple[Cost, ...] = ()
    """What each setting cost alone; empty where only several together held it back."""
    settings: tuple[str, ...] = ()
    """What persons had set by then that holds findings back."""

    @property
    def avoidable(self) -> int:
        """Return by how much earlier it could have been told (ms)."""
        return max(0, self.did.at - self.could.at) if self.did and self.could else 0


def earliest(log: LogReader, opened: IncidentDetected, progress: Progress = lambda _done, _all: None) -> Earliest:
    """Return when the incident that this fact opened could have been told at the earliest.

    Of an incident of many errors the one that opened it counts. What was told of the error before, in other incidents,
    is over: only what speaks after that is compared.
    """
    first = _Reading(opened)
    actual, free = first.actual, first.track(lambda record: setting(record, opened) is not None)
    first.read(log, progress)
    costs: list[Cost] = []
    if actual.fired and free.fired and free.fired.at < actual.fired.at:
        costs = _costs(log, opened, actual.fired, tuple(first.settings), progress)
    return Earliest(
        partition=partition_of(str(opened.project_id), log.partitions("sentry.events")),
        first=first.first,
        begun=first.begun,
        could=free.fired,
        did=actual.fired,
        costs=tuple(costs),
        settings=tuple(first.settings),
    )


def _costs(
    log: LogReader, opened: IncidentDetected, did: Firing, settings: Sequence[str], progress: Progress
) -> list[Cost]:
    reading = _Reading(opened)
    tracks = [reading.track(lambda record, name=name: setting(record, opened) == name) for name in settings]  # type: ignore[misc]
    reading.read(log, progress)
    costs = [
        Cost(name, did.at - track.fired.at)
        for name, track in zip(settings, tracks, strict=True)
        if track.fired is not None and track.fired.at < did.at
    ]
    return sorted(costs, key=lambda cost: (-cost.milliseconds, cost.what))


def setting(record: ProjectRecord, opened: IncidentDetected) -> str | None:
    """Return what a record sets that may hold a finding of the incident's error back, in words; None = nothing."""
    match record:
        case Muted() if record.fingerprint == opened.fingerprint:
            return "the mute of the error"
        case RuleChanged() if record.rule in ("quiet_from", "quiet_until"):
            return "the project's quiet hours"
        case RuleChanged():
            return f"the rule {record.rule}"
        case DetectorConfigured():
            return "the detector's numbers that were set for the project"
        case _:
            return None


class _Track:
    """A detector without the records that it is not to know of, and what it says first of the error.

    Up to the first such record it is one with the actual one, `like`; there it parts from it, with a copy of its state.
    """

    def __init__(self, lifts: Callable[[ProjectRecord], bool], like: "_Track | None" = None) -> None:
        self._lifts, self._like, self._detector = lifts, like, Detector()
        self._state: dict[str, bytes] = {}
        self._fired: Firing | None = None

    @property
    def fired(self) -> Firing | None:
        return self._like.fired if self._like is not None else self._fired

    def part(self, record: ProjectRecord) -> None:
        """Go on alone when this is a record that it is not to know of; to be called before anybody has taken it."""
        if self._like is not None and self._lifts(record):
            self._detector, self._fired = self._like.copy(), self._like.fired
            self._like = None

    def copy(self) -> Detector:
        for name, value in self._detector.changed().items():
            if value is None:
                self._state.pop(name, None)
            else:
                self._state[name] = value
        return Detector.restore(self._state)

    def take(self, offset: int, record: ProjectRecord) -> Sequence[IncidentFact]:
        if self._like is not None:
            return ()
        return self._detector.observe(offset, tick(record.received_at) if self._lifts(record) else record)

    def finish(self, opened: IncidentDetected, events: dict[str, Seen]) -> None:
        if self._like is None:
            self.note(self._detector.finish(), opened, events)

    def note(self, facts: Sequence[IncidentFact], opened: IncidentDetected, events: dict[str, Seen]) -> None:
        for fact in facts:
            if self._fired is None and (event := _event_of(fact, opened, events)) is not None:
                self._fired = Firing(event, self._detector.clock - event.received_at)

    def forget(self) -> None:
        self._fired = None


class _Reading:
    """Several detectors over the same records, up to where the actual one opens the incident."""

    def __init__(self, opened: IncidentDetected) -> None:
        self._opened = opened
        self.actual = _Track(lambda _: False)
        self._tracks = [self.actual]
        self._events: dict[str, Seen] = {}
        self.first: Seen | None = None
        self.begun: Seen | None = None
        self.settings: dict[str, None] = {}

    def track(self, lifts: Callable[[ProjectRecord], bool]) -> _Track:
        track = _Track(lifts, self.actual)
        self._tracks.append(track)
        return track

    def read(self, log: LogReader, progress: Progress) -> None:
        opened, actual = self._opened, self.actual
        for offset, record in project_records(log, opened.project_id, opened.occurred_at + _LATEST_MS, progress):
            self._see(offset, record)
            for track in self._tracks:
                track.part(record)
            for track in self._tracks:
                facts = track.take(offset, record)
                if facts and track is actual and self._is_over(facts):
                    self._forget()
                track.note(facts, opened, self._events)
            if actual.fired is not None:
                return
        for track in self._tracks:
            track.finish(opened, self._events)

    def _see(self, offset: int, record: ProjectRecord) -> None:
        opened = self._opened
        if isinstance(record, ErrorSeen):
            if opened.fingerprint in record.hashes:
                seen = Seen(offset, record.occurred_at, record.received_at)
                self._events[record.event_id] = seen
                self.first = self.first or seen
                if self.begun is None and record.occurred_at >= opened.decision.onset:
                    self.begun = seen
        elif (name := setting(record, opened)) is not None:
            self.settings[name] = None

    def _is_over(self, facts: Sequence[IncidentFact]) -> bool:
        """Say whether the facts tell of the error in another incident than this one."""
        told = [fact for fact in facts if _event_of(fact, self._opened, self._events) is not None]
        return bool(told) and all(fact.incident_id != self._opened.incident_id for fact in told)

    def _forget(self) -> None:
        for track in self._tracks:
            track.forget()
        self._events.clear()


def _event_of(fact: IncidentFact, opened: IncidentDetected, events: dict[str, Seen]) -> Seen | None:
    """Return the event of the error that a fact was told of; None = it is of another error."""
    match fact:
        case IncidentDetected() | IncidentGrew() if fact.fingerprint == opened.fingerprint:
            return events.get(fact.event_id)
        case IncidentReopened() if fact.event_id is not None:
            return events.get(fact.event_id)
        case _:
            return None
