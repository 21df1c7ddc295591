"""Findings: what the detector says when it opens or widens an incident, with every number that it compared."""

from premortem.domain.decision import Decision, Gate
from premortem.domain.detection.config import MINUTE_MS, VERSION
from premortem.domain.detection.scan import Finding
from premortem.domain.ids import FactId, Fingerprint, IncidentId, derive
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentGrew, Severity

_OVERWHELMING = 20.0
_RANKS: tuple[Severity, ...] = ("low", "medium", "high", "critical")


def severity(event: ErrorSeen, score: float | None) -> Severity:
    """Return how bad it is: by level and handling; an overwhelming spike is one step worse."""
    if event.level == "fatal":
        rank = 3
    elif event.level == "error":
        rank = 2 if event.handled is False else 1
    else:
        rank = 0
    if score is not None and score >= _OVERWHELMING:
        rank = min(3, rank + 1)
    return _RANKS[rank]


def novelty(event: ErrorSeen, gates: tuple[Gate, ...], first_seen: int) -> Decision:
    """Return the decision that an error is new and worth an incident."""
    return Decision("novelty", VERSION, fired=True, at=event.occurred_at, onset=first_seen, gates=gates)


def spike(event: ErrorSeen, found: Finding, gates: tuple[Gate, ...]) -> Decision:
    """Return the decision that a count is more than chance explains; numbers rounded to 1e-6."""
    return Decision(
        detector="spike",
        detector_version=VERSION,
        fired=True,
        at=event.occurred_at,
        onset=found.onset * MINUTE_MS,
        gates=gates,
        window_minutes=found.window_minutes,
        observed=found.observed,
        expected=round(found.expected, 6),
        dispersion=round(found.dispersion, 6),
        score=found.score,
        threshold=found.threshold,
    )


def incident_id(event: ErrorSeen, fingerprint: str, detector: str, when: str) -> IncidentId:
    """Return the id of the incident that this finding opens."""
    return IncidentId(derive("incident", event.tenant_id, event.project_id, fingerprint, detector, when))


def opened(
    event: ErrorSeen, fingerprint: str, incident: IncidentId, decision: Decision, first: int
) -> IncidentDetected:
    """Return the fact that opens an incident."""
    return IncidentDetected(
        id=FactId(derive("fact", incident, "IncidentDetected")),
        incident_id=incident,
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        occurred_at=event.occurred_at,
        fingerprint=Fingerprint(fingerprint),
        title=event.title,
        culprit=event.culprit,
        severity=severity(event, decision.score),
        level=event.level,
        decision=decision,
        event_id=event.event_id,
        first_seen=first,
        platform=event.platform,
        release=event.release,
        environment=event.environment,
        origin_url=event.origin_url,
        handled=event.handled,
    )


def grew(event: ErrorSeen, fingerprint: str, incident: IncidentId, decision: Decision) -> IncidentGrew:
    """Return the fact that another finding belongs to an open incident."""
    return IncidentGrew(
        id=FactId(derive("fact", incident, "IncidentGrew", event.event_id)),
        incident_id=incident,
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        occurred_at=event.occurred_at,
        fingerprint=Fingerprint(fingerprint),
        severity=severity(event, decision.score),
        decision=decision,
        event_id=event.event_id,
    )
