"""Explaining: what every detector holds of a fingerprint at one moment, fired or not, with every gate's numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from premortem.domain.decision import Decision
from premortem.domain.detection.config import MINUTE_MS
from premortem.domain.detection.detector import Detector
from premortem.domain.detection.judging import Seen, back, news, ramp, windows
from premortem.domain.project_stream import ErrorSeen


class Explanation(NamedTuple):
    """What is known of a fingerprint at a moment. Times in milliseconds since 1970 UTC."""

    fingerprint: str
    at: int
    first_seen: int
    last_seen: int
    total: int
    late: int
    """Events too old for any window."""
    incident_id: str | None
    """The incident that it belongs to, or belonged to last."""
    held: bool
    """A signal of it waits for others of the same cause, or for the end of quiet hours."""
    decisions: tuple[Decision, ...]
    """One for each detector that has something to say; of a spike one for each window, strongest first."""


def explain(detector: Detector, event: ErrorSeen) -> Explanation | None:
    """Return what the detector holds of the event's fingerprint now, `event` being the last one of it.

    The windows are moved on to the detector's clock: to be asked of a detector that goes on to decide nothing. None
    when the project has never sent the fingerprint.
    """
    project = detector.project(event.project_id)
    known = project.fingerprints.look(event.hashes[0])
    if known is None:
        return None
    fingerprint = project.fingerprints.name(event.hashes[0])
    seen = Seen(event, fingerprint, known, project, detector.clock)
    scan, now = known.scan, detector.clock // MINUTE_MS
    if scan is not None and now > scan.level.at:
        scan.advance(now, project.rates, project.config)
    incident = project.incidents.of(known.incident_id) if known.incident_id is not None else None
    return Explanation(
        fingerprint=fingerprint,
        at=detector.clock,
        first_seen=known.first_seen,
        last_seen=known.last_seen,
        total=known.total,
        late=known.late,
        incident_id=incident,
        held=known.waiting,
        decisions=tuple(_decisions(seen)),
    )


def _decisions(seen: Seen) -> Sequence[Decision]:
    found: list[Decision] = []
    if seen.known.young is not None:
        found.append(news(seen, seen.known.young))
    returned = back(seen, look=True)
    found += [returned[0]] if returned is not None else []
    found += windows(seen)
    grown = ramp(seen, look=True)
    return [*found, grown] if grown is not None else found
