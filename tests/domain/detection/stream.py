"""Streams of records for the tests of detection."""

from collections.abc import Iterable, Sequence
from typing import Any

from premortem.domain.detection import detect_all
from premortem.domain.ids import Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import (
    Deployed,
    ErrorSeen,
    Muted,
    ProjectRecord,
    Resolved,
    Rule,
    RuleChanged,
    SessionsCounted,
)
from premortem.domain.timeline import IncidentFact
from tests.builders import NOW, error_seen

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 24 * 3_600_000
A, B, C = "a" * 32, "b" * 32, "c" * 32
_WHO: dict[str, Any] = {"tenant_id": TenantId("acme"), "project_id": ProjectId(1)}


def run(records: Iterable[ProjectRecord]) -> list[IncidentFact]:
    return detect_all(enumerate(records))


def arrived(records: Sequence[ProjectRecord], delays: Sequence[int]) -> list[ProjectRecord]:
    """Return the records as they come, each so many ms after it was received; those that come together, backwards."""
    order = sorted(range(len(records)), key=lambda n: (records[n].received_at + delays[n], -n))
    return [records[n] for n in order]


def errors(count: int, start: int = NOW, every: int = MINUTE, first: int = 0, **changes: object) -> list[ErrorSeen]:
    """Return `count` handled errors, one each `every` ms, with event ids from `first` on."""
    values = {"handled": True, **changes}
    times = [start + n * every for n in range(count)]
    return [error_seen(first + n, occurred_at=at, received_at=at, **values) for n, at in enumerate(times)]


def error(n: int, at: int, **changes: object) -> ErrorSeen:
    """Return one handled error that came at once."""
    return error_seen(n, **{"occurred_at": at, "received_at": at, "handled": True, **changes})


def history(days: int = 2, **changes: object) -> list[ErrorSeen]:
    """Return an error known for days that comes about once in two hours."""
    return errors(days * 12, NOW - days * DAY, 2 * HOUR, **changes)


def mute(at: int, until: int, fingerprint: str = A, tripwire: float | None = None) -> Muted:
    return Muted(**_WHO, v=2, received_at=at, fingerprint=Fingerprint(fingerprint), until=until, tripwire=tripwire)


def rule(at: int, name: Rule, value: float | None) -> RuleChanged:
    return RuleChanged(**_WHO, received_at=at, rule=name, value=value)


def resolved(at: int, fingerprint: str = A, release: str | None = None, environment: str | None = None) -> Resolved:
    return Resolved(
        **_WHO,
        received_at=at,
        fingerprint=Fingerprint(fingerprint),
        resolved_at=at,
        release=release,
        environment=environment,
    )


def deployed(at: int, release: str, environment: str = "production") -> Deployed:
    return Deployed(**_WHO, received_at=at, release=release, environment=environment, deployed_at=at)


def sessions(at: int, count: int) -> SessionsCounted:
    return SessionsCounted(**_WHO, received_at=at, started_at=at - at % MINUTE, exited=count)
