"""Detector: the state of every project in one partition of the project stream, and what each record makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from premortem.domain.decision import Gate
from premortem.domain.detection import findings
from premortem.domain.detection.config import DEFAULT, LIMITS, MINUTE_MS, DetectorConfig
from premortem.domain.detection.known import Known
from premortem.domain.detection.project import Project
from premortem.domain.detection.scan import NOT_OPEN, Scan
from premortem.domain.ids import IncidentId
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
_HOUR_MS = 3_600_000
_USERS_KEPT = 8
_NOTHING: tuple[IncidentFact, ...] = ()


class Detector:
    """Observes records in the order of the log. Mutable, but pure: no clock, no chance, nothing read from outside."""

    def __init__(self, config: DetectorConfig = DEFAULT) -> None:
        self._config = config
        self._seen = -1
        self._clock = 0
        self._projects: dict[int, Project] = {}
        self._touched: dict[int, None] = {}

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
        return detector

    def changed(self) -> dict[str, bytes | None]:
        """Return the snapshots that changed since the last call, by name."""
        parts: dict[str, bytes | None] = {_PARTITION: msgspec.msgpack.encode([self._seen, self._clock])}
        for number in sorted(self._touched):
            parts.update((f"{number}/{name}", value) for name, value in self._projects[number].changed())
        self._touched.clear()
        return parts

    # ------------------------------------------------------------------------------------------------ records
    def observe(self, offset: int, record: ProjectRecord) -> Sequence[IncidentFact]:
        """Take a record in and return what it shows, mostly nothing. At or below the highest offset seen: nothing."""
        if offset <= self._seen:
            return _NOTHING
        self._seen = offset
        if record.received_at > self._clock:
            self._clock = record.received_at
        match record:
            case ErrorSeen():
                return self._error(record, self._project(record.project_id))
            case Muted():
                self._project(record.project_id).mute(record.fingerprint, record.until)
            case RuleChanged():
                self._project(record.project_id).set_rule(record.rule, record.value)
            case DetectorConfigured():
                self._project(record.project_id).configure(record.values)
            case Ticked() | SessionsCounted() | DropsCounted() | Deployed() | Resolved():
                pass  # time has passed (above); the others are for detectors that read them
            case _:
                assert_never(record)
        return _NOTHING

    def _project(self, number: int) -> Project:
        project = self._projects.get(number)
        if project is None:
            project = self._projects[number] = Project(self._config)
        self._touched[number] = None
        return project

    def _error(self, event: ErrorSeen, project: Project) -> Sequence[IncidentFact]:
        if not event.hashes or project.is_duplicate(event.event_id):
            return _NOTHING
        fingerprint, known = project.find(event.hashes)
        if known is None:
            known = Known(event.occurred_at)
            project.add(event.hashes, known)
        known.total += 1
        at = event.occurred_at
        if at < known.first_seen:
            known.first_seen = at
        if at > known.last_seen:
            known.last_seen = at
        fires = self._count(event, known, project)
        if known.judged and not fires:
            return _NOTHING
        facts: list[IncidentFact] = []
        if not known.judged:
            self._judge_novelty(event, fingerprint, known, project, facts)
        if fires:
            self._judge_spike(event, fingerprint, known, project, facts)
        return facts

    def _count(self, event: ErrorSeen, known: Known, project: Project) -> bool:
        """Count the event in its minute; return whether a window may fire."""
        bucket, now = event.occurred_at // MINUTE_MS, self._clock // MINUTE_MS
        config, of = project.config, project.rates
        if now - bucket > config.late_minutes:
            known.late += 1
            return False
        scan = known.scan
        if scan is None or bucket - scan.level.at > of.forget_buckets:
            scan = known.scan = Scan(bucket, of)
            scan.open(of, config)
        return scan.add(bucket, of, config)

    # ------------------------------------------------------------------------------------------------ decisions
    def _judge_novelty(
        self, event: ErrorSeen, fingerprint: str, known: Known, project: Project, facts: list[IncidentFact]
    ) -> None:
        """Open an incident for an error that is new: at once when nothing caught it, else when it insists."""
        config = project.config
        if event.occurred_at - known.first_seen > config.novelty_minutes * MINUTE_MS:
            known.judged = True
            return
        known.novel_count += 1
        user = event.user_hash
        if user and user not in known.novel_users and len(known.novel_users) < _USERS_KEPT:
            known.novel_users.append(user)
        urgent = event.handled is False or event.level == "fatal"
        insists = known.novel_count >= config.novelty_events or len(known.novel_users) >= config.novelty_users
        is_error = event.level in ("error", "fatal")
        if not is_error or not (urgent or insists) or known.scan is None or known.incident_id is not None:
            return
        common = self._common_gates(event, fingerprint, project, known.novel_count, len(known.novel_users))
        if not all(gate.passed for gate in common):
            return
        gates = (  # one of the first three is enough, of the others all are needed
            Gate("unhandled or fatal", float(urgent), 1.0, urgent),
            Gate(
                "events in its first hour",
                known.novel_count,
                config.novelty_events,
                known.novel_count >= config.novelty_events,
            ),
            Gate(
                "users in its first hour",
                len(known.novel_users),
                config.novelty_users,
                len(known.novel_users) >= config.novelty_users,
            ),
            *common,
        )
        known.judged = True
        known.scan.open_novel()
        incident = findings.incident_id(event, fingerprint, "novelty", "novel")
        known.incident_id = incident
        decision = findings.novelty(event, gates, known.first_seen)
        facts.append(findings.opened(event, fingerprint, incident, decision, known.first_seen))

    def _judge_spike(
        self, event: ErrorSeen, fingerprint: str, known: Known, project: Project, facts: list[IncidentFact]
    ) -> None:
        """Open or widen an incident when a window holds more than chance explains."""
        scan, config = known.scan, project.config
        age = (event.occurred_at - known.first_seen) / MINUTE_MS
        # What costs nothing is asked first: in a burst that a gate holds back, every event comes this far.
        if scan is None or age < config.novelty_minutes or self._is_too_old_or_muted(event, fingerprint, project):
            return
        base = _clamped("score_opens", project.rules.get("sensitivity", config.score_opens))
        found = scan.judge(base, project.rates, config)
        if found is None:
            return
        gates = (
            Gate("score", found.score, found.threshold, passed=True),
            Gate("recurring peak", found.observed, round(found.veto_limit, 6), passed=True),
            Gate("minutes known", round(age, 6), config.novelty_minutes, age >= config.novelty_minutes),
            *self._common_gates(event, fingerprint, project, found.observed, None),
        )
        if not all(gate.passed for gate in gates):
            return
        decision = findings.spike(event, found, gates)
        opens = scan.opened_at == NOT_OPEN
        scan.tell(found)
        if opens or known.incident_id is None:
            incident = findings.incident_id(event, fingerprint, "spike", str(scan.level.at))
            known.incident_id = incident
            facts.append(findings.opened(event, fingerprint, incident, decision, known.first_seen))
        else:
            facts.append(findings.grew(event, fingerprint, IncidentId(known.incident_id), decision))

    def _is_too_old_or_muted(self, event: ErrorSeen, fingerprint: str, project: Project) -> bool:
        """Return whether one of the first two common gates is closed."""
        hours = (self._clock - event.occurred_at) / _HOUR_MS
        return hours > project.config.page_hours or project.mutes.get(fingerprint, 0) > self._clock

    def _common_gates(
        self, event: ErrorSeen, fingerprint: str, project: Project, events: int, users: int | None
    ) -> tuple[Gate, ...]:
        """Return the gates that every detector must pass: age, mute, and what a person set for the project."""
        hours = (self._clock - event.occurred_at) / _HOUR_MS
        until = project.mutes.get(fingerprint, 0)
        gates = [
            Gate("hours old", round(hours, 6), project.config.page_hours, hours <= project.config.page_hours),
            Gate("muted until", until, self._clock, until <= self._clock),
        ]
        least = project.rules.get("minimum_events")
        if least is not None:
            gates.append(Gate("minimum events", events, least, events >= least))
        least = project.rules.get("minimum_users")
        if least is not None and users is not None:
            gates.append(Gate("minimum users", users, least, users >= least))
        return tuple(gates)


def _clamped(name: str, value: float) -> float:
    low, high = LIMITS[name]
    return min(high, max(low, value)) if value == value else low


def detect_all(records: Iterable[tuple[int, ProjectRecord]], config: DetectorConfig = DEFAULT) -> list[IncidentFact]:
    """Return every finding of a partition's (offset, record) pairs: the detector without a dataflow."""
    detector = Detector(config)
    return [fact for offset, record in records for fact in detector.observe(offset, record)]
