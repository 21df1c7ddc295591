"""What a request becomes: the records that it appends to the log. Pure: time and ids come in, nothing is read.

One item never harms its neighbour: each is taken on its own, and what cannot be used is counted by its reason.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from premortem.domain import payload, project_stream
from premortem.domain.error_event import ErrorEvent
from premortem.domain.fingerprint import Grouping, group
from premortem.domain.ids import EventId, Fingerprint, derive
from premortem.domain.project_stream import DropsCounted, ErrorSeen, ProjectRecord, SessionsCounted
from premortem.exceptions import Malformed, Permanent
from premortem.ports import Append, ProjectKey
from premortem.sentry import check_ins, client_reports, items, json_body, logs, sessions
from premortem.sentry.envelope import Envelope, Item
from premortem.sentry.event_payload import event_id_of, normalise
from premortem.sentry.scrub import scrub


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from and when: everything about it that its records carry."""

    key: ProjectKey
    received_at: int
    """Milliseconds since 1970 UTC, by the gateway's clock."""
    fallback_event_id: str
    """The id of an event that brings none."""
    salt: bytes
    """Keys the hashes of users and secrets, so that they can be compared and not guessed."""


@dataclass(slots=True)
class Intake:
    """What is to be appended, and what became of every item."""

    records: list[Append] = field(default_factory=list)
    event_id: str | None = None
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(item type, outcome) -> how many."""
    reasons: list[str] = field(default_factory=list)
    """Why items were refused, for the answer to a request of which nothing was usable."""
    scrubbed: int = 0

    def put(self, source: Source, record: ProjectRecord) -> None:
        """Append `record` to the project stream."""
        self.records.append(
            Append("sentry.events", str(source.key.project_id), project_stream.encode(record)),
        )

    def put_body(self, source: Source, body: payload.Body) -> None:
        """Append `body` to the payloads, for the archive."""
        self.records.append(Append("sentry.payloads", str(source.key.project_id), payload.encode(body)))


def take_envelope(envelope: Envelope, source: Source, item_limit: int) -> Intake:
    """Return what the envelope becomes. Items over `item_limit` bytes are dropped and counted; raises nothing."""
    intake = Intake()
    header_id = envelope.header.get("event_id")
    for item in envelope.items:
        take = _TAKERS.get(item.type)
        outcome = "skipped"
        if len(item.payload) > item_limit:
            outcome = "too_large"
            intake.reasons.append(f"{item.type}: item of {len(item.payload)} bytes exceeds {item_limit}")
        elif take is not None:
            try:
                take(item, source, intake, header_id if isinstance(header_id, str) else None)
                outcome = "accepted"
            except Permanent as exception:
                outcome = "invalid"
                intake.reasons.append(f"{item.type}: {exception}")
        intake.outcomes[item.type, outcome] += 1
    return intake


def take_event(body: bytes, source: Source) -> Intake:
    """Return what a bare event (`/store/`) becomes; raises Malformed when it is none."""
    intake = Intake()
    _take_event(Item(type="event", header={}, payload=body), source, intake, None)
    intake.outcomes["event", "accepted"] += 1
    return intake


def take_event_object(value: dict[str, Any], source: Source, origin_url: str | None) -> Intake:
    """Return what an event becomes that came by a webhook, already parsed."""
    intake = Intake()
    _append_event(value, source, intake, None, origin_url)
    intake.outcomes["event", "accepted"] += 1
    return intake


def _object(raw: bytes, what: str) -> dict[str, Any]:
    value = json_body.loads(raw)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value


def _take_event(item: Item, source: Source, intake: Intake, header_id: str | None) -> None:
    _append_event(_object(item.payload, "event"), source, intake, header_id, None)


def _append_event(
    value: dict[str, Any], source: Source, intake: Intake, header_id: str | None, origin_url: str | None
) -> None:
    scrubbed, places = scrub(value, salt=source.salt)
    event_id = event_id_of(scrubbed, header_id, source.fallback_event_id)
    normalised, event = normalise(scrubbed, event_id=event_id, received_at=source.received_at, user_salt=source.salt)
    body = orjson.dumps(normalised)
    grouping = group(event)
    intake.put(source, error_seen(event, grouping, source, hashlib.sha256(body).hexdigest(), origin_url))
    intake.put_body(source, _event_body(event, grouping, source, body))
    intake.event_id = event_id
    intake.scrubbed += places


def error_seen(
    event: ErrorEvent, grouping: Grouping, source: Source, body_hash: str, origin_url: str | None
) -> ErrorSeen:
    """Return the header record of an event: all of it that detection will ever see."""
    return ErrorSeen(
        tenant_id=source.key.tenant_id,
        project_id=source.key.project_id,
        received_at=source.received_at,
        event_id=EventId(event.event_id),
        hashes=tuple(map(Fingerprint, grouping.hashes)),
        occurred_at=event.occurred_at,
        level=event.level,
        handled=event.handled,
        title=event.title,
        culprit=event.culprit,
        platform=event.platform,
        root_type=event.root_type,
        release=event.release,
        environment=event.environment,
        user_hash=event.user_hash,
        trace_id=event.trace_id,
        origin_url=origin_url,
        body_hash=body_hash,
    )


def _event_body(event: ErrorEvent, grouping: Grouping, source: Source, body: bytes) -> payload.EventBody:
    return payload.EventBody(
        tenant_id=source.key.tenant_id,
        project_id=source.key.project_id,
        event_id=EventId(event.event_id),
        fingerprint=Fingerprint(grouping.hashes[0]),
        occurred_at=event.occurred_at,
        received_at=source.received_at,
        level=event.level,
        platform=event.platform,
        release=event.release or "",
        environment=event.environment or "",
        user_hash=event.user_hash or "",
        title=event.title,
        tags=event.tags,
        payload=msgspec.Raw(body),
    )
