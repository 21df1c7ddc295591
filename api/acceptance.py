"""What a request becomes: the records that it appends to the log. Pure: time and ids come in, nothing is read.

One item never harms its neighbour: each is taken on its own, and what cannot be used is counted by its reason.
"""

import hashlib
import traceback
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import orjson

from premortem.domain import payload, project_stream
from premortem.domain.error_event import ErrorEvent
from premortem.domain.fingerprint import Grouping, group, kept
from premortem.domain.ids import EventId, Fingerprint, derive
from premortem.domain.project_stream import Deployed, DropsCounted, ErrorSeen, ProjectRecord, SessionsCounted
from premortem.exceptions import Malformed, Permanent
from premortem.ports import Append, ProjectKey
from premortem.sentry import client_reports, json_body, logs, sessions, transactions
from premortem.sentry.deploys import DeployNotice
from premortem.sentry.envelope import Envelope, Item
from premortem.sentry.event_payload import event_id_of, normalise, tag_hash
from premortem.sentry.logs import LogLine
from premortem.sentry.scrub import Marker, scrub
from premortem.sentry.scrub.links import redact_link
from premortem.sentry.sessions import SessionBucket


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
    bugs: list[str] = field(default_factory=list)
    """Where code of ours failed, for the operator: without a word of what was sent."""
    scrubbed: int = 0

    def put(self, source: Source, record: ProjectRecord) -> None:
        """Append `record` to the project stream."""
        self.records.append(
            Append("sentry.events", str(source.key.project_id), project_stream.encode(record)),
        )

    def put_body(self, source: Source, body: payload.Body) -> None:
        """Append `body` to the payloads, for the archive."""
        self.records.append(Append("sentry.payloads", str(source.key.project_id), payload.encode(body)))


_ROW_DIGITS = 8

Taker = Callable[[Item, Source, Intake, str | None], None]
"""(item, source, intake, event id of the envelope's header): puts the item's records, or raises."""


def take_envelope(
    envelope: Envelope,
    source: Source,
    item_limit: int,
    limited: Container[str] = (),
    takers: Mapping[str, Taker] | None = None,
) -> Intake:
    """Return what the envelope becomes; raises nothing.

    Items over `item_limit` bytes, and those of types that are `limited` for now, are dropped and counted. `takers` are
    the types that are read, TAKERS if None.
    """
    intake = Intake()
    takers = TAKERS if takers is None else takers
    header_id = envelope.header.get("event_id")
    header_id = header_id if isinstance(header_id, str) else None
    for item in envelope.items:
        take = takers.get(item.type)
        if take is None:
            outcome = "skipped"
        elif item.type in limited:
            outcome = "rate_limited"
        elif len(item.payload) > item_limit:
            outcome = "too_large"
            intake.reasons.append(f"{item.type}: item of {len(item.payload)} bytes exceeds {item_limit}")
        else:
            outcome = _outcome(partial(take, item, source, intake, header_id), intake, item.type)
        intake.outcomes[item.type, outcome] += 1
    return intake


def take_event_object(value: dict[str, Any], source: Source, origin_url: str | None) -> Intake:
    """Return what an event becomes that came by a webhook, already parsed; raises nothing."""
    intake = Intake()
    outcome = _outcome(partial(_append_linked, value, source, intake, origin_url), intake, "event")
    intake.outcomes["event", outcome] += 1
    return intake


def _outcome(take: Callable[[], None], intake: Intake, what: str) -> str:
    """Take one item and return what became of it. What it put before it failed is taken back: its neighbours stay."""
    before = len(intake.records)
    try:
        take()
    except Permanent as exception:
        intake.reasons.append(f"{what}: {exception}")
    except Exception as exception:  # noqa: BLE001 -- a bug that one item brings to light must not cost its neighbours
        intake.reasons.append(f"{what}: it could not be read, which is a bug of this server")
        intake.bugs.append(f"{what}: {type(exception).__name__} at {_place(exception)}")
    else:
        return "accepted"
    del intake.records[before:]
    return "invalid"


def _place(exception: BaseException) -> str:
    """Return where the exception was raised, innermost first; its message may quote what was sent."""
    frames = traceback.extract_tb(exception.__traceback__)[-4:]
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))


def _append_linked(value: dict[str, Any], source: Source, intake: Intake, origin_url: str | None) -> None:
    mark = Marker(source.salt)
    origin_url = redact_link(origin_url, mark) if origin_url else None
    intake.scrubbed += mark.places
    _append_event(value, source, intake, None, origin_url)


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
    mark = Marker(source.salt)
    normalised, event = normalise(
        scrubbed, event_id=event_id, received_at=source.received_at, user_salt=source.salt, mark=mark
    )
    grouping = group(event)
    normalised[kept.FIELD] = orjson.Fragment(kept.encode(grouping))
    body = orjson.dumps(normalised)
    intake.put(source, error_seen(event, grouping, source, hashlib.sha256(body).hexdigest(), origin_url))
    intake.put_body(source, _event_body(event, grouping, source, body))
    intake.event_id = event_id
    intake.scrubbed += places + mark.places


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
        tag_hashes=tuple(sorted(tag_hash(name, value, source.salt) for name, value in event.tags)),
        v=2,
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


def _scrubbed(item: Item, source: Source, intake: Intake, what: str) -> dict[str, Any]:
    return _scrub(_object(item.payload, what), source, intake)


def _scrub(value: dict[str, Any], source: Source, intake: Intake) -> dict[str, Any]:
    found: dict[str, Any]
    found, places = scrub(value, salt=source.salt)
    intake.scrubbed += places
    return found


def _row_id(source: Source, item: Item, index: int) -> str:
    """Return an id for a row that brings none: the same bytes sent again are the same row."""
    digest = hashlib.sha256(item.payload).hexdigest()
    return derive("row", source.key.project_id, source.received_at, digest, index)


def _take_sessions(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    buckets = sessions.parse(item.type, _scrubbed(item, source, intake, item.type), source.received_at)
    for index, bucket in enumerate(buckets):
        _put_exposure(bucket, "session", _row_id(source, item, index), source, intake)


def _take_transaction(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    value = _object(item.payload, "transaction")
    kept: dict[str, Any] = {
        name: value[name] for name in ("release", "environment") if name in value
    }  # its spans are not
    outcome = transactions.parse(value | _scrub(kept, source, intake), source.received_at)
    bucket = SessionBucket(
        started_at=outcome.started_at // 60_000 * 60_000,
        exited=int(not outcome.failed),
        errored=int(outcome.failed),
        crashed=0,
        abnormal=0,
        release=outcome.release,
        environment=outcome.environment,
    )
    _put_exposure(bucket, "transaction", _row_id(source, item, 0), source, intake)


def _put_exposure(bucket: SessionBucket, unit: str, row_id: str, source: Source, intake: Intake) -> None:
    counts = {
        "started_at": bucket.started_at,
        "exited": bucket.exited,
        "errored": bucket.errored,
        "crashed": bucket.crashed,
        "abnormal": bucket.abnormal,
    }
    intake.put(
        source,
        SessionsCounted(
            tenant_id=source.key.tenant_id,
            project_id=source.key.project_id,
            received_at=source.received_at,
            unit="transaction" if unit == "transaction" else "session",
            release=bucket.release,
            environment=bucket.environment,
            row=row_id[:_ROW_DIGITS],
            v=2,
            **counts,
        ),
    )
    if unit == "session":
        intake.put_body(
            source,
            payload.SessionsBody(
                tenant_id=source.key.tenant_id,
                project_id=source.key.project_id,
                row_id=row_id,
                release=bucket.release or "",
                environment=bucket.environment or "",
                **counts,
            ),
        )


def _take_client_report(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    for drop in client_reports.parse(_scrubbed(item, source, intake, "client report")):
        record = DropsCounted(
            tenant_id=source.key.tenant_id,
            project_id=source.key.project_id,
            received_at=source.received_at,
            source="client",
            reason=drop.reason,
            category=drop.category,
            quantity=drop.quantity,
        )
        intake.put(source, record)


def _take_logs(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    mark = Marker(source.salt)
    lines = logs.parse(_scrubbed(item, source, intake, "log"), source.received_at, mark)
    intake.scrubbed += mark.places
    _put_lines(lines, item, source, intake)


def _take_check_in(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    line = logs.parse_check_in(_scrubbed(item, source, intake, "check-in"), source.received_at)
    _put_lines((line,), item, source, intake)


def _put_lines(lines: tuple[LogLine, ...], item: Item, source: Source, intake: Intake) -> None:
    for index, line in enumerate(lines):
        body = payload.LogBody(
            tenant_id=source.key.tenant_id,
            project_id=source.key.project_id,
            log_id=_row_id(source, item, index),
            occurred_at=line.occurred_at,
            level=line.level,
            body=line.body,
            trace_id=line.trace_id,
            attributes=msgspec.Raw(orjson.dumps(line.attributes)),
        )
        intake.put_body(source, body)


def take_deploy(notice: DeployNotice, source: Source) -> Intake:
    """Return what a deploy notice becomes."""
    intake = Intake()
    who = {"tenant_id": source.key.tenant_id, "project_id": source.key.project_id}
    what = {"release": notice.release, "environment": notice.environment, "deployed_at": notice.deployed_at}
    intake.put(
        source,
        Deployed(received_at=source.received_at, name=notice.name, url=notice.url, **who, **what),  # type: ignore[arg-type]
    )
    deploy_id = derive("deploy", source.key.project_id, notice.release, notice.environment, notice.deployed_at)
    intake.put_body(source, payload.DeployBody(deploy_id=deploy_id, **who, **what))  # type: ignore[arg-type]
    intake.outcomes["deploy", "accepted"] += 1
    return intake


TAKERS: dict[str, Taker] = {
    "event": _take_event,
    "transaction": _take_transaction,
    "session": _take_sessions,
    "sessions": _take_sessions,
    "client_report": _take_client_report,
    "log": _take_logs,
    "check_in": _take_check_in,
}
"""Item types that are read; every other one is counted as skipped."""
