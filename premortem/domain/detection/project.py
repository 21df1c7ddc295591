"""Project: everything that the detector holds of one project, and its snapshots."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from premortem.domain.detection.config import DEFAULT, DetectorConfig, Rates, rates
from premortem.domain.detection.event_ids import EventIds
from premortem.domain.detection.fingerprints import AtHand, Fingerprints
from premortem.domain.detection.gates import Gates
from premortem.domain.detection.incidents import Incidents
from premortem.domain.detection.known import Known
from premortem.domain.detection.novelty import NewErrors
from premortem.domain.detection.regression import Resolutions
from premortem.domain.detection.releases import Releases
from premortem.domain.detection.suppressing import Suppressions
from premortem.domain.detection.traffic import Traffic
from premortem.domain.ids import Fingerprint
from premortem.domain.project_stream import ProjectRecord, SessionsCounted, encode

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode
_RECORDS, _REPORTS = "records-", "reports-"
STEERED = ("config", "gates", "incidents", "releases", "resolutions", "suppressions")
"""The small parts of a snapshot: what persons have set, which releases there are, and what was merged into what."""


class Project:
    """The detector's state of one project. What an event may change is noted as it changes, and written once."""

    def __init__(self, config: DetectorConfig = DEFAULT, at_hand: AtHand | None = None) -> None:
        self._default = config
        self.values: dict[str, float] = {}
        """What a record has set of the detector's numbers."""
        self.config = config
        self.rates: Rates = rates(config)
        self._widths = widths(self.rates)
        self.gates = Gates()
        self.suppressions = Suppressions()
        self.releases = Releases()
        self.resolutions = Resolutions()
        self.new_errors = NewErrors()
        self.traffic = Traffic()
        self.incidents = Incidents()
        self.fingerprints = Fingerprints(at_hand)
        self.event_ids = EventIds()
        self._record_ids = EventIds(_RECORDS)
        self._report_ids = EventIds(_REPORTS)
        """Of reports of sessions apart, which are so many that they would soon push out all others."""
        self._written: dict[str, bytes] = {}

    def exposure(self, minute: int) -> tuple[float, ...] | None:
        """Return how many times the usual traffic there is in each window of the scan; None = nobody reports any."""
        traffic = self.traffic
        if traffic.sessions is None and traffic.transactions is None:
            return None
        return traffic.exposure(minute, self._widths, self.config)

    def is_repeated(self, record: ProjectRecord) -> bool:
        """Say whether the record, which is no error, came before, byte for byte; remember it."""
        ids = self._report_ids if isinstance(record, SessionsCounted) else self._record_ids
        return ids.is_duplicate(blake2b(encode(record), digest_size=16).hexdigest())

    def configure(self, values: Mapping[str, float]) -> None:
        """Set numbers of the detector from here on."""
        self.values.update(values)
        self._settle()

    def _settle(self) -> None:
        self.config = self._default.with_values(self.values)
        self.rates = rates(self.config)
        self._widths = widths(self.rates)

    def alone(self, fingerprint: str, known: Known) -> "Project":
        """Return a copy that knows of all errors only this one, to try on it what an event would do; this one is
        not touched.
        """
        copy = Project(self._default)
        copy.configure(self.values)
        copy.gates = Gates.unpack(self.gates.pack())
        copy.incidents = Incidents.unpack(self.incidents.pack())
        copy.releases = Releases.unpack(self.releases.pack())
        copy.resolutions = self.resolutions.only(fingerprint)
        copy.suppressions = Suppressions.unpack(self.suppressions.pack())
        copy.fingerprints.add((Fingerprint(fingerprint),), known)
        return copy

    # ------------------------------------------------------------------------------------------------ snapshots
    def changed(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield the parts that changed since the last call, by name, in one order; None = the part is gone."""
        yield from self.fingerprints.changed()
        for ids in (self.event_ids, self._record_ids, self._report_ids):
            yield from ids.changed()
        for name, fields in self._small().items():
            value = _ENCODE(fields)
            if self._written.get(name) != value:
                self._written[name] = value
                yield name, value

    def _small(self) -> dict[str, Any]:
        """Return the parts that are small enough to be compared whole."""
        return {
            "config": list(self.values.items()),
            "gates": self.gates.pack(),
            "incidents": self.incidents.pack(),
            "new": self.new_errors.pack(),
            "releases": self.releases.pack(),
            "resolutions": self.resolutions.pack(),
            "suppressions": self.suppressions.pack(),
            "traffic": self.traffic.pack(),
        }

    @classmethod
    def restore(
        cls, parts: Mapping[str, bytes], config: DetectorConfig = DEFAULT, at_hand: AtHand | None = None
    ) -> "Project":
        """Return the project whose parts `changed` gave, as if it had never stopped."""
        project = cls(config, at_hand)
        fields = {name: _DECODE(parts[name]) for name in project._small() if name in parts}
        project.values = dict(fields.get("config", ()))
        for name, attribute, kind in (
            ("gates", "gates", Gates),
            ("incidents", "incidents", Incidents),
            ("new", "new_errors", NewErrors),
            ("releases", "releases", Releases),
            ("resolutions", "resolutions", Resolutions),
            ("suppressions", "suppressions", Suppressions),
            ("traffic", "traffic", Traffic),
        ):
            if name in fields:
                setattr(project, attribute, kind.unpack(fields[name]))
        project._written = {name: parts[name] for name in fields}
        project.event_ids = EventIds.restore(parts)
        project._record_ids = EventIds.restore(parts, _RECORDS)
        project._report_ids = EventIds.restore(parts, _REPORTS)
        project.fingerprints = Fingerprints.restore(parts, at_hand)
        project._settle()
        return project


def widths(of: Rates) -> tuple[int, ...]:
    """Return the minutes of each window of the scan, in its order."""
    return of.minutes
