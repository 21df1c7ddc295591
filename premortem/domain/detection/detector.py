"""Detector: the state of every project in one partition of the project stream, and what each record makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from premortem.domain.detection.config import DEFAULT, DetectorConfig
from premortem.domain.detection.observing import apply, observe_error
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
    Ticked,
)
from premortem.domain.timeline import IncidentFact

_PARTITION = "partition"
_NOTHING: tuple[IncidentFact, ...] = ()


class Detector:
    """Observes records in the order of the log. Mutable, but pure: no clock, no chance, nothing read from outside."""

    def __init__(self, config: DetectorConfig = DEFAULT) -> None:
        self._config = config
        self._seen = -1
        self._clock = 0
        self._projects: dict[int, Project] = {}
        self._touched: dict[int, None] = {}
        self._due = NEVER
        """The earliest time that a held signal of any project is due, by the stream's clock."""

    @property
    def clock(self) -> int:
        """Return the newest time that the log has told, in milliseconds since 1970 UTC."""
        return self._clock

    # ------------------------------------------------------------------------------------------------ state
    @classmethod
    def restore(cls, state: Mapping[str, bytes], config: DetectorConfig = DEFAULT) -> "Detector":
        """Return the detector whose snapshots `changed` gave; it goes on as if it had never stopped."""
        detector = cls(config)
        parts: dict[int, dict[str, bytes]] = {}
        for name, value in state.items():
            if name == _PARTITION:
                detector._seen, detector._clock = msgspec.msgpack.decode(value)
            else:
                project, _, part = name.partition("/")
                parts.setdefault(int(project), {})[part] = value
        detector._projects = {number: Project.restore(parts[number], config) for number in sorted(parts)}
        detector._due = min((project.incidents.due for project in detector._projects.values()), default=NEVER)
        return detector

    def changed(self) -> dict[str, bytes | None]:
        """Return the snapshots that changed since the last call, by name."""
        parts: dict[str, bytes | None] = {_PARTITION: msgspec.msgpack.encode([self._seen, self._clock])}
        for number in sorted(self._touched):
            parts.update((f"{number}/{name}", value) for name, value in self._projects[number].changed())
        self._touched.clear()
        return parts

    def project(self, number: int) -> Project:
        """Return the state of a project; a new one when no record has named it yet."""
        project = self._projects.get(number)
        if project is None:
            project = self._projects[number] = Project(self._config)
        self._touched[number] = None
        return project

    # ------------------------------------------------------------------------------------------------ records
    def observe(self, offset: int, record: ProjectRecord) -> Sequence[IncidentFact]:
        """Take a record in and return what it shows, mostly nothing. At or below the highest offset seen: nothing."""
        if offset <= self._seen:
            return _NOTHING
        self._seen = offset
        if record.received_at > self._clock:
            self._clock = record.received_at
        settled = self._settle() if self._clock >= self._due else _NOTHING
        if isinstance(record, ErrorSeen):
            project = self.project(record.project_id)
            facts = observe_error(record, project, self._clock)
            if project.incidents.due < self._due:
                self._due = project.incidents.due
            return [*settled, *facts] if settled else facts
        self._set(record)
        return settled

    def _set(self, record: ProjectRecord) -> None:
        """Take in what says how errors are to be judged."""
        match record:
            case Ticked() | DropsCounted() | ErrorSeen():
                return  # time has passed; what was dropped is no measure of errors
            case SessionsCounted():
                self.project(record.project_id).traffic.add(record)
            case Deployed():
                releases = self.project(record.project_id).releases
                releases.see(record.release, record.environment, record.deployed_at)
            case Resolved():
                project = self.project(record.project_id)
                project.resolutions.resolve(project.fingerprints.name(record.fingerprint), record)
            case Muted():
                self._mute(record, self.project(record.project_id))
            case RuleChanged():
                self.project(record.project_id).gates.set_rule(record.rule, record.value)
            case DetectorConfigured():
                self.project(record.project_id).configure(record.values)
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
        """Decide the held signals whose time has come, project by project in order of their numbers."""
        facts: list[IncidentFact] = []
        for number in sorted(self._projects):
            project = self._projects[number]
            if project.incidents.due <= self._clock:
                self._touched[number] = None
                found = project.incidents.settle(self._clock, project.config)
                apply(found, project)
                facts += found
        self._due = min((project.incidents.due for project in self._projects.values()), default=NEVER)
        return facts


def detect_all(records: Iterable[tuple[int, ProjectRecord]], config: DetectorConfig = DEFAULT) -> list[IncidentFact]:
    """Return every finding of a partition's (offset, record) pairs: the detector without a dataflow."""
    detector = Detector(config)
    return [fact for offset, record in records for fact in detector.observe(offset, record)]
