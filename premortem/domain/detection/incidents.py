"""Incidents: which incident a project's signals belong to: correlated, merged, and kept waiting through quiet hours."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.decision import Decision
from premortem.domain.detection.config import DetectorConfig
from premortem.domain.detection.findings import handed_over
from premortem.domain.detection.gates import after_quiet
from premortem.domain.detection.signals import Signal
from premortem.domain.detection.storms import NEVER, Correlator
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentMerged, Severity

_MOST_WAITING = 1_000
_MOST_MERGES = 10_000
_MOST_MEMBERS = 256
"""Incidents; more than the correlator can still join."""


class Members(Struct, frozen=True):
    """What an incident would hand over: its errors, and the decision that opened it."""

    severity: Severity
    decision: Decision
    event_id: str
    fingerprints: list[str]


class Incidents:
    """A correlator, the signals that wait for the end of quiet hours, and what was merged into what."""

    def __init__(self) -> None:
        self.correlator = Correlator()
        self._waiting: list[tuple[int, Signal]] = []
        """(end of the quiet hours, signal), in the order of the log."""
        self._merged: dict[str, str] = {}
        self._members: dict[str, Members] = {}
        """Of the incidents that may still be merged, and of some older ones."""
        self.due = NEVER
        """When `settle` has something to do, in milliseconds of the stream's clock; NEVER = it has not."""

    def take(self, signal: Signal, clock: int, config: DetectorConfig) -> list[IncidentFact]:
        """Return what the signal opens, widens or merges; nothing when it is held."""
        return self._noted(self.correlator.take(signal, clock, config))

    def wait(self, signal: Signal, until: int, clock: int, config: DetectorConfig) -> list[IncidentFact]:
        """Keep a signal until quiet hours are over; the oldest passes when too many wait: none is lost."""
        self._waiting.append((until, signal))
        if len(self._waiting) <= _MOST_WAITING:
            return self._noted([])
        return self.take(_released(self._waiting.pop(0)[1]), clock, config)

    def settle(self, clock: int, config: DetectorConfig) -> list[IncidentFact]:
        """Return what the held signals open whose time has come."""
        facts: list[IncidentFact] = []
        over = [signal for until, signal in self._waiting if until <= clock]
        self._waiting = [each for each in self._waiting if each[0] > clock]
        for signal in over:
            facts += self.take(_released(signal), clock, config)
        if self.correlator.due <= clock:
            facts += self.correlator.settle(clock, config)
        return self._noted(facts)

    def of(self, incident_id: str) -> str:
        """Return the incident that this one is part of now."""
        while incident_id in self._merged:
            incident_id = self._merged[incident_id]
        return incident_id

    def _noted(self, facts: list[IncidentFact]) -> list[IncidentFact]:
        """Return the facts, and behind each merge what tells the incident that goes on of the errors that come to it.

        Notes who is a member of what, what was merged, and when something is due next.
        """
        told: list[IncidentFact] = []
        for fact in facts:
            told.append(fact)
            match fact:
                case IncidentDetected() | IncidentGrew():
                    self._join(fact)
                case IncidentMerged():
                    told += self._hand_over(fact)
                case _:
                    pass
        self.due = min(self.correlator.due, min((until for until, _ in self._waiting), default=NEVER))
        return told

    def _join(self, fact: IncidentDetected | IncidentGrew) -> None:
        members = self._members.get(fact.incident_id)
        if members is None:
            members = self._members[fact.incident_id] = Members(fact.severity, fact.decision, fact.event_id, [])
            if len(self._members) > _MOST_MEMBERS:
                del self._members[next(iter(self._members))]
        if fact.fingerprint not in members.fingerprints:
            members.fingerprints.append(fact.fingerprint)

    def _hand_over(self, fact: IncidentMerged) -> list[IncidentFact]:
        if self.of(fact.into) == fact.incident_id:
            return []
        self._merged[fact.incident_id] = fact.into
        if len(self._merged) > _MOST_MERGES:
            del self._merged[next(iter(self._merged))]
        members = self._members.pop(fact.incident_id, None)
        if members is None:
            return []
        facts = [
            handed_over(fact, members.severity, members.decision, members.event_id, f) for f in members.fingerprints
        ]
        for each in facts:
            self._join(each)
        return [*facts]

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack, in order."""
        members = [[incident, msgspec.to_builtins(known)] for incident, known in self._members.items()]
        return [self.correlator.pack(), list(self._waiting), list(self._merged.items()), members]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Incidents":
        """Return what `pack` gave."""
        found = cls()
        found.correlator = Correlator.unpack(fields[0])
        found._waiting = [(until, msgspec.convert(signal, Signal)) for until, signal in fields[1]]
        found._merged = dict(fields[2])
        found._members = {incident: msgspec.convert(known, Members) for incident, known in fields[3]}
        found._noted([])
        return found


def _released(signal: Signal) -> Signal:
    """Return the signal as it is once quiet hours are over."""
    gates = after_quiet(signal.decision.gates)
    return replace(signal, decision=replace(signal.decision, fired=True, gates=gates))
