"""Detector: the state of every project in one partition of the project stream, and what each record makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from premortem.domain.detection.config import DEFAULT, DetectorConfig
from premortem.domain.detection.fingerprints import AtHand
from premortem.domain.detection.observing import apply, observe_error
from premortem.domain.detection.ordering import LATENESS_MS, Packed, Placed, Window
from premortem.domain.detection.project import Project
from premortem.domain.detection.storms import NEVER
from premortem.domain.project_stream import (
    Deployed,
    DetectorConfigured,
    DropsCounted,
    ErrorSeen,
    Muted,
    ProjectRecord,
    Resolved,
    RuleChanged,
    SessionsCounted,
    SuppressionChanged,
    Ticked,
    decode,
    stamp,
)
from premortem.domain.timeline import IncidentFact

Steering = SessionsCounted | Deployed | Resolved | Muted | SuppressionChanged | RuleChanged | DetectorConfigured
"""What says how errors are to be judged."""

_PARTITION = "partition"
_NOTHING: tuple[IncidentFact, ...] = ()


class Detector:
    """Observes records in the order in which they were received, as far as a `Window` can restore it.

    Mutable, but pure: no clock, no chance, nothing read from outside. With a lateness of 0 every record is observed at
    once, in the order of the log.
    """

    def __init__(self, config: DetectorConfig = DEFAULT, lateness_ms: int = LATENESS_MS) -> None:
        self._config = config
        self._window = Window(lateness_ms)
        self._seen = -1
        self._clock = 0
        self._projects: dict[int, Project] = {}
        self._at_hand = AtHand()
        self._touched: dict[int, None] = {}
        self._due = NEVER
        """The earliest time that a held signal of any project is due, by the clock."""

    @property
    def clock(self) -> int:
        """Return the newest time of what was judged, in milliseconds since 1970 UTC; what still waits has told none."""
        return self._clock

    @property
    def late(self) -> int:
        """Return how many records came too late to be judged in their order."""
        return self._window.late

    # ------------------------------------------------------------------------------------------------ state
    @classmethod
    def restore(
        cls, state: Mapping[str, bytes], config: DetectorConfig = DEFAULT, lateness_ms: int = LATENESS_MS
    ) -> "Detector":
        """Return the detector whose snapshots `changed` gave; it goes on as if it had never stopped."""
        detector = cls(config, lateness_ms)
        parts: dict[int, dict[str, bytes]] = {}
        for name, value in state.items():
            if name == _PARTITION:
                detector._seen, detector._clock, *window = msgspec.msgpack.decode(value)
                detector._window = Window.unpack(window or [detector._clock, 0, []], lateness_ms)
            else:
                project, _, part = name.partition("/")
                parts.setdefault(int(project), {})[part] = value
        detector._projects = {
            number: Project.restore(parts[number], config, detector._at_hand) for number in sorted(parts)
        }
        detector._due = min((project.incidents.due for project in detector._projects.values()), default=NEVER)
        return detector

    @classmethod
    def of(cls, number: int, project: Project) -> "Detector":
        """Return a detector of this one project, which judges each record at once."""
        detector = cls(project.config, lateness_ms=0)
        detector._projects[number] = project
        detector._due = project.incidents.due
        return detector

    def changed(self) -> dict[str, bytes | None]:
        """Return the snapshots that changed since the last call, by name; what waits is part of the partition's."""
        partition = [self._seen, self._clock, *self._window.pack()]
        parts: dict[str, bytes | None] = {_PARTITION: msgspec.msgpack.encode(partition)}
        for number in sorted(self._touched):
            parts.update((f"{number}/{name}", value) for name, value in self._projects[number].changed())
        self._touched.clear()
        return parts

    def project(self, number: int) -> Project:
        """Return the state of a project; a new one when no record has named it yet."""
        project = self._projects.get(number)
        if project is None:
            project = self._projects[number] = Project(self._config, self._at_hand)
        self._touched[number] = None
        return project

    # ------------------------------------------------------------------------------------------------ records
    def observe(self, offset: int, record: Packed) -> Sequence[IncidentFact]:
        """Take a record in and return what is shown by all that its time releases, mostly nothing.

        Raises ValueError for bytes that are no record.
        """
        due = self.admit(offset, record)
        if not due:
            return _NOTHING
        if len(due) == 1:
            return self.judge(due[0][2])
        return [fact for _, _, each in due for fact in self.judge(each)]

    def finish(self) -> list[IncidentFact]:
        """Return what the records that still wait show: no more will come."""
        return [fact for _, _, each in self._window.release() for fact in self.judge(each)]

    def admit(self, offset: int, record: Packed) -> Sequence[Placed]:
        """Take a record in and return the records to `judge` now, in order. At or below the highest offset: nothing."""
        if offset <= self._seen:
            return ()
        at = stamp(record).received_at if isinstance(record, bytes) else record.received_at
        self._seen = offset
        due = self._window.take(at, offset, record)
        if due is not None:
            return due
        self._clock = max(self._clock, self._window.horizon)  # so much time has surely passed
        return ((at, offset, record),)

    def judge(self, packed: Packed) -> Sequence[IncidentFact]:
        """Observe a record whose turn it is, and return what it shows."""
        record = decode(packed) if isinstance(packed, bytes) else packed
        clock = record.received_at
        if clock > self._clock:
            self._clock = clock
        else:
            clock = self._clock
        settled = self._settle() if clock >= self._due else _NOTHING
        if isinstance(record, ErrorSeen):
            project = self.project(record.project_id)
            facts = observe_error(record, project, clock)
            if facts:
                facts = project.suppressions.upon(facts, clock)
            due = project.incidents.due
            if due < self._due:
                self._due = due
            return [*settled, *facts] if settled else facts
        if not isinstance(record, Ticked | DropsCounted):  # what was dropped is no measure of errors
            project = self.project(record.project_id)
            if not project.is_repeated(record):
                self._set(record, project)
        return settled

    def _set(self, record: Steering, project: Project) -> None:
        """Take in what says how errors are to be judged."""
        match record:
            case SessionsCounted():
                project.traffic.add(record)
            case Deployed():
                project.releases.see(record.release, record.environment, record.deployed_at)
            case Resolved():
                project.resolutions.resolve(project.fingerprints.name(record.fingerprint), record)
            case Muted():
                self._mute(record, project)
            case SuppressionChanged():
                fingerprint = record.fingerprint
                project.suppressions.change(record, project.fingerprints.name(fingerprint) if fingerprint else "")
            case RuleChanged():
                project.gates.set_rule(record.rule, record.value)
            case DetectorConfigured():
                project.configure(record.values)
            case _:
                assert_never(record)

    def _mute(self, record: Muted, project: Project) -> None:
        fingerprint = project.fingerprints.name(record.fingerprint)
        known = project.fingerprints.look(fingerprint)
        per_hour = 0.0
        if known is not None and known.scan is not None:
            level = known.scan.level
            per_hour = level.a / level.b * project.rates.per_hour
        project.gates.mute(record, fingerprint, per_hour, self._clock)

    def _settle(self) -> list[IncidentFact]:
        """Decide the held signals whose time has come, project by project in order of their numbers.

        Each at its own time, not at that of the record which happens to pass it: that may be another project's.
        """
        facts: list[IncidentFact] = []
        for number in sorted(self._projects):
            project = self._projects[number]
            while (due := project.incidents.due) <= self._clock:
                self._touched[number] = None
                found = project.incidents.settle(due, project.config)
                apply(found, project)
                facts += project.suppressions.upon(found, due)
        self._due = min((project.incidents.due for project in self._projects.values()), default=NEVER)
        return facts


def detect_all(records: Iterable[tuple[int, ProjectRecord]], config: DetectorConfig = DEFAULT) -> list[IncidentFact]:
    """Return every finding of all of a partition's (offset, record) pairs: the detector without a dataflow."""
    detector = Detector(config)
    facts = [fact for offset, record in records for fact in detector.observe(offset, record)]
    return [*facts, *detector.finish()]
