"""Findings: what the detector says when it opens or widens an incident, with every number that it compared."""

from msgspec.structs import replace

from premortem.domain.decision import Decision, DetectorName, Gate, alternatives, explain, needed
from premortem.domain.detection.config import MINUTE_MS, VERSION
from premortem.domain.detection.gates import outcome
from premortem.domain.detection.growth import RampFinding
from premortem.domain.detection.novelty import Young
from premortem.domain.detection.scan import Finding
from premortem.domain.ids import FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentGrew, IncidentMerged, IncidentReopened, Severity

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


def news(event: ErrorSeen, young: Young, gates: tuple[Gate, ...]) -> Decision:
    """Return the decision about an error that is news: one alternative and every other gate must let it pass."""
    found = Decision(young.reason, VERSION, fired=False, at=event.occurred_at, onset=young.since, gates=gates)
    one = any(gate.passed for gate in alternatives(found))
    return replace(found, fired=one and all(gate.passed for gate in needed(found)))


def waits(decision: Decision) -> bool:
    """Return whether only the end of quiet hours stands before it."""
    either = alternatives(decision)
    return (not either or any(gate.passed for gate in either)) and outcome(needed(decision)) == "waits"


def spike(event: ErrorSeen, found: Finding, gates: tuple[Gate, ...]) -> Decision:
    """Return the decision about a window's count."""
    return _of_counts("spike", event, found, gates, onset=found.onset * MINUTE_MS, minutes=found.window_minutes)


def ramp(event: ErrorSeen, found: RampFinding, gates: tuple[Gate, ...]) -> Decision:
    """Return the decision about growth over days."""
    return _of_counts("ramp", event, found, gates, onset=found.onset, minutes=found.days * 1_440)


def _of_counts(
    detector: DetectorName,
    event: ErrorSeen,
    found: Finding | RampFinding,
    gates: tuple[Gate, ...],
    *,
    onset: int,
    minutes: int,
) -> Decision:
    """Return the decision about a count against what was expected; numbers rounded to 1e-6."""
    return Decision(
        detector=detector,
        detector_version=VERSION,
        fired=all(gate.passed for gate in gates),
        at=event.occurred_at,
        onset=onset,
        gates=gates,
        window_minutes=minutes,
        observed=found.observed,
        expected=round(found.expected, 6),
        dispersion=round(found.dispersion, 6),
        score=found.score,
        threshold=found.threshold,
    )


def back(event: ErrorSeen, gates: tuple[Gate, ...]) -> Decision:
    """Return the decision about an event of a resolved error."""
    fired = all(gate.passed for gate in gates)
    return Decision("regression", VERSION, fired=fired, at=event.occurred_at, onset=event.occurred_at, gates=gates)


def incident_id(tenant: TenantId, project: ProjectId, fingerprint: str, decision: Decision) -> IncidentId:
    """Return the id of the incident that this decision opens: an error is new once, and spikes once in a minute."""
    when = "novel" if decision.detector == "novelty" else str(decision.at // MINUTE_MS)
    return IncidentId(derive("incident", tenant, project, fingerprint, decision.detector, when))


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
        tag_hashes=event.tag_hashes,
        v=3,
    )


def grew(event: ErrorSeen, fingerprint: str, incident: IncidentId, decision: Decision) -> IncidentGrew:
    """Return the fact that another finding belongs to an open incident."""
    return IncidentGrew(
        id=FactId(derive("fact", incident, "IncidentGrew", event.event_id)),
        incident_id=incident,
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        occurred_at=event.occurred_at,
        v=2,
        title=event.title,
        fingerprint=Fingerprint(fingerprint),
        severity=severity(event, decision.score),
        decision=decision,
        event_id=event.event_id,
    )


def reopened(event: ErrorSeen, incident: IncidentId, decision: Decision) -> IncidentReopened:
    """Return the fact that a resolved incident's error is back."""
    release = f" in {event.release}" if event.release else ""
    return IncidentReopened(
        id=FactId(derive("fact", incident, "IncidentReopened", event.event_id)),
        incident_id=incident,
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        occurred_at=event.occurred_at,
        v=2,
        reason=f"{explain(decision)}{release}",
        event_id=event.event_id,
        decision=decision,
    )


def handed_over(
    fact: IncidentMerged, severity: Severity, decision: Decision, event_id: str, fingerprint: str
) -> IncidentGrew:
    """Return the fact that tells the incident that goes on of an error of the one that was merged into it."""
    return IncidentGrew(
        id=FactId(derive("fact", fact.into, "IncidentGrew", fact.incident_id, fingerprint)),
        incident_id=fact.into,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        occurred_at=fact.occurred_at,
        fingerprint=Fingerprint(fingerprint),
        severity=severity,
        decision=decision,
        event_id=event_id,
    )
