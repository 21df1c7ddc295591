"""Builders of domain values for tests: everything has a default, a test names what it is about."""

from typing import Any

from premortem.domain.decision import Decision
from premortem.domain.ids import EventId, FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.incident import Incident, evolve
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected

NOW = 1_795_360_907_000


def error_seen(n: int = 0, **changes: Any) -> ErrorSeen:
    """Return an error event's header; `n` makes its event id."""
    values: dict[str, Any] = {
        "tenant_id": TenantId("acme"),
        "project_id": ProjectId(1),
        "event_id": EventId(f"{n:032x}"),
        "hashes": (Fingerprint("a" * 32),),
        "occurred_at": NOW,
        "received_at": NOW,
        "level": "error",
        "handled": False,
        "title": "KeyError: 'total'",
        "release": "shop@1.0.0",
        "environment": "production",
    }
    return ErrorSeen(**(values | changes))


def detected(name: str = "one", **changes: Any) -> IncidentDetected:
    """Return the fact that opens the incident `name`."""
    values: dict[str, Any] = {
        "id": FactId(derive("fact", name)),
        "incident_id": IncidentId(derive("incident", name)),
        "tenant_id": TenantId("acme"),
        "project_id": ProjectId(1),
        "occurred_at": NOW,
        "fingerprint": Fingerprint("a" * 32),
        "title": f"KeyError: {name}",
        "culprit": "shop.checkout in price",
        "severity": "high",
        "level": "error",
        "decision": Decision("novelty", 1, fired=True, at=NOW, onset=NOW),
        "event_id": "0" * 32,
        "first_seen": NOW,
        "environment": "production",
    }
    return IncidentDetected(**(values | changes))


def incident(name: str = "one", **changes: Any) -> Incident:
    """Return the incident `name`, freshly opened."""
    opened = evolve(None, detected(name, **changes))
    assert opened is not None
    return opened
