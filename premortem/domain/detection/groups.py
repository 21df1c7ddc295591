"""Groups: signals that are held to be of one cause, what they have in common, and how far one may reach."""

from typing import Any, NamedTuple

from premortem.domain.detection.arrivals import Arrival, Arrivals, Odds
from premortem.domain.detection.attributes import Attribute, Traits, began
from premortem.domain.detection.config import MINUTE_MS, DetectorConfig
from premortem.domain.detection.signals import Signal
from premortem.domain.ids import IncidentId

_MOST_OF_A_KIND = 32

Rank = tuple[int, float, str, str]
"""The canonical order of signals: onset, then higher score, then fingerprint and event id."""


def rank(signal: Signal, config: DetectorConfig) -> Rank:
    """Return where the signal stands in the canonical order."""
    return began(signal, config), -signal.score, signal.fingerprint, signal.event.event_id


class Held(NamedTuple):
    """The members of a group that have one attribute: their earliest and latest onset, and how common it is."""

    first: int
    last: int
    share: float


class Group:
    """One incident that can still be joined, or (without an id) one that is being put together."""

    __slots__ = (
        "arrivals",
        "attributes",
        "first",
        "incident_id",
        "into",
        "last",
        "lead",
        "opened_at",
        "spent",
        "storm",
    )

    def __init__(self, lead: Rank) -> None:
        self.lead = lead
        """Of the signal that gave the incident its id."""
        self.first = self.last = lead[0]
        """The earliest and the latest onset of its members."""
        self.attributes: dict[Attribute, Held] = {}
        """What joins others to it."""
        self.arrivals: dict[str, Arrivals] = {}
        """Release -> what of it is here."""
        self.spent = 0.0
        """The chance that an unrelated fault has one of the attributes."""
        self.incident_id: IncidentId | None = None
        self.opened_at = 0
        """The stream's clock."""
        self.storm: tuple[int, int] | None = None
        """From which onset to which time alone joins a signal to it; None = it is no storm."""
        self.into: Group | None = None
        """The group that it proved to be part of; never packed."""

    def reaches(self, first: int, last: int, config: DetectorConfig) -> bool:
        """Return whether onsets from `first` to `last` are within the reach of the lead."""
        reach = int(config.chain_minutes * MINUTE_MS)
        return self.lead[0] - reach <= first and last <= self.lead[0] + reach

    def surviving(self) -> "Group":
        """Return the group that this one is part of now."""
        group = self
        while group.into is not None:
            group = group.into
        return group

    def shares(self, traits: Traits, by_chance: float, config: DetectorConfig) -> bool:
        """Return whether a signal with these traits is of the same cause.

        `by_chance`: incidents per millisecond that begin in the environment anyway.
        """
        onset = traits.onset
        if not self.reaches(onset, onset, config):
            return False
        apart = int(config.join_minutes * MINUTE_MS)
        for attribute in traits.telling:
            if attribute.kind == "release":
                odds = self.odds(attribute.value, traits.arrival, by_chance, config)
                if odds is not None and odds.passed:
                    return True
                continue
            held = self.attributes.get(attribute)
            if held is not None and held.first - apart <= onset <= held.last + apart:
                return True
        return False

    def odds(self, release: str, arrival: Arrival | None, by_chance: float, config: DetectorConfig) -> Odds | None:
        """Return how much likelier the release brought it than chance, as this group tells; None = it knows nothing."""
        arrivals = self.arrivals.get(release)
        return arrivals.odds(arrival, by_chance, config) if arrivals is not None and arrival is not None else None

    def takes_in(self, onset: int, config: DetectorConfig) -> bool:
        """Return whether it is a storm that a signal of this onset falls into."""
        return self.storm is not None and self.storm[0] <= onset <= self.storm[1] and self.reaches(onset, onset, config)

    def add(self, traits: Traits, config: DetectorConfig) -> None:
        """Make the signal with these traits a member."""
        onset = traits.onset
        self.first, self.last = min(self.first, onset), max(self.last, onset)
        for attribute, share in traits.telling.items():
            self._hold(attribute, Held(onset, onset, share), config)
            if attribute.kind == "release" and traits.arrival is not None:
                self._arrivals(attribute.value).add(traits.arrival)

    def absorb(self, other: "Group", config: DetectorConfig) -> None:
        """Take every member of `other` in."""
        other.into = self
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for attribute, held in other.attributes.items():
            self._hold(attribute, held, config, always=other.incident_id is not None)
        for release, arrivals in other.arrivals.items():
            self._arrivals(release).absorb(arrivals)
        self.storm = self.storm or other.storm

    def _arrivals(self, release: str) -> Arrivals:
        found = self.arrivals.get(release)
        if found is None:
            if len(self.arrivals) >= _MOST_OF_A_KIND:
                del self.arrivals[next(iter(self.arrivals))]
            found = self.arrivals[release] = Arrivals()
        return found

    def _hold(self, attribute: Attribute, more: Held, config: DetectorConfig, always: bool = False) -> None:
        """Note that more members have the attribute.

        A group of many members has many types and modules, and would in the end join anything: so beside the first it
        holds no more of them than an unrelated fault has one of with the chance `common_share`. What joined signals to
        an open incident goes on doing so when that is merged.
        """
        held = self.attributes.get(attribute)
        if held is not None:
            self.attributes[attribute] = Held(min(more.first, held.first), max(more.last, held.last), held.share)
            return
        if not always and more.share and self.spent and self.spent + more.share > config.common_share:
            return
        same = [each for each in self.attributes if each.kind == attribute.kind]
        if len(same) >= _MOST_OF_A_KIND:
            self.spent -= self.attributes.pop(same[0]).share
        self.spent += more.share
        self.attributes[attribute] = more

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        held = [[*attribute, *onsets] for attribute, onsets in self.attributes.items()]
        return [
            *(self.lead, self.first, self.last, held, self.spent),
            *(self.incident_id, self.opened_at, self.storm),
            [[release, *arrivals.pack()] for release, arrivals in self.arrivals.items()],
        ]

    @classmethod
    def unpack(cls, value: list[Any]) -> "Group":
        """Return the group that `pack` gave."""
        onset, score, fingerprint, event_id = value[0]
        group = cls((onset, score, fingerprint, event_id))
        group.first, group.last, held, group.spent, group.incident_id, group.opened_at, storm, *more = value[1:]
        group.storm = (storm[0], storm[1]) if storm is not None else None
        group.attributes = {Attribute(kind, name): Held(*numbers) for kind, name, *numbers in held}
        for release, *sums in more[0] if more else ():  # a snapshot of version 2 of the detector tells of none
            group.arrivals[release] = Arrivals.unpack(sums)
        return group
