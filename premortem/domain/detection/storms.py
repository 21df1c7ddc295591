"""Storms: which signals of a project are one incident: by what they share, or because so many begin together.

A deploy with 200 new errors and a dead database seen in 40 places are one incident each, and two faults in the same
minute stay two (docs/detection.md, "Storms"). Pure and deterministic. Times in milliseconds since 1970 UTC: onsets in
event time, the clock in the stream's (the latest `received_at`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from premortem.domain.detection import findings
from premortem.domain.detection.arrivals import Odds
from premortem.domain.detection.attributes import Population, Traits
from premortem.domain.detection.config import MINUTE_MS, VERSION, DetectorConfig
from premortem.domain.detection.groups import Group, rank
from premortem.domain.detection.pace import Pace
from premortem.domain.detection.signals import Signal
from premortem.domain.ids import FactId, IncidentId, derive
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentFact, IncidentMerged

NEVER: Final = 1 << 62
"""A time that does not come."""
MOST_PLACES = 64
MOST_GROUPS = 64
MOST_HELD = 512
_REMEMBERED_CHAINS = 4
"""A group can be joined for so many times `chain_minutes` of the stream's time: a slow error has an early onset."""

_Merge = tuple[Group, ErrorSeen]
"""An open group that was merged into another one, and the event that proved it."""


class Place:
    """One environment of a project: the groups that can be joined, the signals that wait, how often incidents begin."""

    __slots__ = ("due", "groups", "held", "pace", "stirred_at")

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.held: list[Signal] = []
        self.due = NEVER
        """When the held signals are decided."""
        self.stirred_at: int | None = None
        """When the last signal came."""
        self.pace = Pace()

    def take(self, signal: Signal, clock: int, population: Population, config: DetectorConfig) -> list[IncidentFact]:
        """Decide the signal at once, or hold it: at once if nothing can be gained by waiting."""
        self._forget(clock, config)
        stirred_at, self.stirred_at = self.stirred_at, clock
        quiet = stirred_at is None or clock - stirred_at > config.join_minutes * MINUTE_MS
        quiet = quiet and not self.held
        if quiet or signal.urgent or self._homes(population.traits(signal, config), config):
            return self._decide([signal], clock, population, config)
        if not self.held:
            self.due = clock + int(config.gather_minutes * MINUTE_MS)
        self.held.append(signal)
        return self.settle(clock, population, config) if len(self.held) >= MOST_HELD else []

    def settle(self, clock: int, population: Population, config: DetectorConfig) -> list[IncidentFact]:
        """Decide what is held, together and in the canonical order, so that the order of arrival does not matter."""
        batch = sorted(self.held, key=lambda signal: rank(signal, config))
        self.held, self.due = [], NEVER
        self._forget(clock, config)
        return self._decide(batch, clock, population, config) if batch else []

    # ------------------------------------------------------------------------------------------------ deciding
    def _decide(
        self, batch: list[Signal], clock: int, population: Population, config: DetectorConfig
    ) -> list[IncidentFact]:
        """Give every signal of the batch an incident, and merge the open ones that prove to be one."""
        merges: list[_Merge] = []
        placed: list[tuple[Signal, Group]] = []
        for signal in batch:
            traits = population.traits(signal, config)
            homes = self._homes(traits, config)
            if not homes:
                homes = [Group(rank(signal, config))]
                self.groups += homes
            self._unite(homes, signal.event, merges, config)
            homes[0].add(traits, config)
            placed.append((signal, homes[0]))
        self._unite(self._storm(clock, config), batch[-1].event, merges, config)
        facts = _told(placed, merges, clock)
        self._keep(self.groups[-MOST_GROUPS:], clock, config)
        return facts

    def _homes(self, traits: Traits, config: DetectorConfig) -> list[Group]:
        """Return the groups that the signal is of, oldest first: those that it shares something with, else a storm."""
        by_chance = self.pace.rate(config)
        homes = [group for group in self.groups if group.shares(traits, by_chance, config)]
        if homes:
            return sorted(homes, key=_seniority)
        return sorted((group for group in self.groups if group.takes_in(traits.onset, config)), key=_seniority)[:1]

    def odds(self, traits: Traits, release: str, clock: int, config: DetectorConfig) -> Odds | None:
        """Return how much likelier than chance an open incident's release brought it; None where there is none."""
        self._forget(clock, config)
        by_chance, onset = self.pace.rate(config), traits.onset
        reached = (group for group in self.groups if group.reaches(onset, onset, config))
        told = (group.odds(release, traits.arrival, by_chance, config) for group in reached)
        return max((odds for odds in told if odds is not None), key=_ratio, default=None)

    def _unite(self, homes: Sequence[Group], event: ErrorSeen, merges: list[_Merge], config: DetectorConfig) -> None:
        """Merge the groups that are within reach of the first one into it."""
        for other in homes[1:]:
            if homes[0].reaches(other.first, other.last, config):
                homes[0].absorb(other, config)
                self.groups.remove(other)
                if other.incident_id is not None:
                    merges.append((other, event))

    def _storm(self, clock: int, config: DetectorConfig) -> list[Group]:
        """Return the groups that are one storm, oldest first: all that began together, if so many are no chance.

        Groups are counted, not signals: what siblings share is joined before, so that a deploy with 50 new errors is
        one thing that began, and does not draw an unrelated fault of the same minute in.
        """
        apart = int(config.join_minutes * MINUTE_MS)
        recent = [group for group in self.groups if group.incident_id is None or group.opened_at >= clock - apart]
        if len(recent) < config.storm_groups or recent[-1].incident_id is not None:
            return []  # too few, or nothing has begun just now
        middle = sorted(group.lead[0] for group in recent)[len(recent) // 2]
        recent = [group for group in recent if abs(group.lead[0] - middle) <= apart]
        if len(recent) < config.storm_groups or self.pace.score(len(recent), config) < config.score_opens:
            return []
        recent.sort(key=_seniority)
        recent[0].storm = (middle - apart, middle + apart)
        return recent

    # ------------------------------------------------------------------------------------------------ state
    def _forget(self, clock: int, config: DetectorConfig) -> None:
        """Drop the groups that are too old to be joined."""
        oldest = clock - int(_REMEMBERED_CHAINS * config.chain_minutes * MINUTE_MS)
        self._keep([group for group in self.groups if group.opened_at >= oldest], clock, config)

    def _keep(self, groups: list[Group], clock: int, config: DetectorConfig) -> None:
        """Keep these groups; each of the others was one incident for good."""
        self.pace.learn(len(self.groups) - len(groups), clock, config)
        self.groups = groups

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        held = [msgspec.msgpack.encode(signal) for signal in self.held]
        return [[group.pack() for group in self.groups], held, self.due, self.stirred_at, self.pace.pack()]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Place":
        """Return the place that `pack` gave."""
        place = cls()
        groups, held, place.due, place.stirred_at, pace = fields
        place.groups = [Group.unpack(group) for group in groups]
        place.held = [msgspec.msgpack.decode(signal, type=Signal) for signal in held]
        place.pace = Pace.unpack(pace)
        return place


class Correlator:
    """The storms of one project. Mutable, but pure; `pack` gives its state, bit for bit."""

    def __init__(self) -> None:
        self._population = Population()
        self._places: dict[str, Place] = {}
        """By environment; the one that was quiet longest comes first."""
        self.due = NEVER
        """The stream's clock at which `settle` has something to do."""

    def learn(self, root_type: str, culprit: str, clock: int) -> None:
        """Take note of a new error of the project: what many of them have in common proves nothing."""
        self._population.learn(root_type, culprit, clock)

    def take(self, signal: Signal, clock: int, config: DetectorConfig) -> list[IncidentFact]:
        """Return what a signal opens, widens and merges; nothing while it is held."""
        self._population.settle(clock)
        name = signal.event.environment or ""
        place = self._places.pop(name, None) or Place()
        self._places[name] = place
        facts = place.take(signal, clock, self._population, config)
        if len(self._places) > MOST_PLACES:
            forgotten = self._places.pop(next(iter(self._places)))
            facts += forgotten.settle(clock, self._population, config)
        self._set_due()
        return facts

    def awaits(self, release: str, environment: str | None) -> bool:
        """Return whether an error of the release may belong to an open incident of it: asked before `odds`."""
        place = self._places.get(environment or "")
        return place is not None and any(release in group.arrivals for group in place.groups)

    def odds(self, signal: Signal, clock: int, config: DetectorConfig) -> Odds | None:
        """Return how much likelier than chance its release brought it, as an open incident tells; None = none tells."""
        place = self._places.get(signal.event.environment or "")
        if place is None or signal.event.release is None:
            return None
        return place.odds(self._population.traits(signal, config), signal.event.release, clock, config)

    def settle(self, clock: int, config: DetectorConfig) -> list[IncidentFact]:
        """Return the decisions on the held signals whose time has come."""
        self._population.settle(clock)
        facts: list[IncidentFact] = []
        for place in self._places.values():
            if place.due <= clock:
                facts += place.settle(clock, self._population, config)
        self._set_due()
        return facts

    def _set_due(self) -> None:
        self.due = min((place.due for place in self._places.values()), default=NEVER)

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        return [self._population.pack(), [[name, place.pack()] for name, place in self._places.items()]]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Correlator":
        """Return the correlator that `pack` gave."""
        correlator = cls()
        population, places = fields
        correlator._population = Population.unpack(population)
        correlator._places = {name: Place.unpack(place) for name, place in places}
        correlator._set_due()
        return correlator


def _ratio(odds: Odds) -> float:
    return odds.found / odds.least


def _seniority(group: Group) -> tuple[bool, Any]:
    """Return the order in which groups take others in: the open ones by their leads, then those without an id."""
    return group.incident_id is None, group.lead


def _told(placed: list[tuple[Signal, Group]], merges: list[_Merge], clock: int) -> list[IncidentFact]:
    """Return the facts: what opens and what grows, then what is merged."""
    facts: list[IncidentFact] = []
    for signal, found in placed:
        group, event, name = found.surviving(), signal.event, signal.fingerprint
        if group.incident_id is None:
            group.incident_id, group.opened_at = _incident_id(signal), clock
            facts.append(findings.opened(event, name, group.incident_id, signal.decision, signal.first_seen))
        else:
            facts.append(findings.grew(event, name, group.incident_id, signal.decision))
    for group, event in merges:
        into = group.surviving().incident_id
        assert group.incident_id is not None
        assert into is not None  # an open group is merged into an open one only
        facts.append(_merged(event, group.incident_id, into))
    return facts


def _merged(event: ErrorSeen, incident: IncidentId, into: IncidentId) -> IncidentMerged:
    """Return the fact that an open incident proved to be part of another one, as `event` showed."""
    return IncidentMerged(
        id=FactId(derive("fact", incident, "IncidentMerged", into)),
        incident_id=incident,
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        occurred_at=event.occurred_at,
        v=2,
        into=into,
        detector_version=VERSION,
    )


def _incident_id(lead: Signal) -> IncidentId:
    """Return the id of the incident that the signal opens."""
    return findings.incident_id(lead.event.tenant_id, lead.event.project_id, lead.fingerprint, lead.decision)
