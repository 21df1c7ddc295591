"""Normalising an event: hostile JSON in, the payload to keep and a typed event out; it never raises."""

from hashlib import blake2b
from typing import Any

from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame
from premortem.domain.ids import EventId
from premortem.sentry.event_payload import stacks, text
from premortem.sentry.event_payload.messages import logentry
from premortem.sentry.event_payload.security import security_report, template
from premortem.sentry.scrub import Mark, Marker
from premortem.sentry.timestamps import parse_timestamp

_PLATFORMS = frozenset(
    (
        *("as3", "c", "cfml", "cocoa", "csharp", "dart", "elixir", "go", "groovy", "haskell", "java", "javascript"),
        *("native", "node", "objc", "perl", "php", "powershell", "python", "ruby", "rust", "swift", "other"),
    )
)
_MOST_BREADCRUMBS = 150
_LONGEST_TITLE = 256
_INTERFACES = {
    f"sentry.interfaces.{name}": field
    for name, field in (
        *(("Exception", "exception"), ("Stacktrace", "stacktrace"), ("Template", "template")),
        *(("User", "user"), ("Http", "request"), ("Breadcrumbs", "breadcrumbs"), ("Csp", "csp")),
    )
}
"""What raven's early versions call the fields (the message's has a file of its own)."""
_PROMOTED = frozenset(("environment", "release", "user", "filename", "dist"))


def event_id_of(payload: dict[str, Any], header_event_id: str | None, fallback: str) -> str:
    """Return the event's id: the envelope header's, else its own, else `fallback`; 32 lower-case hex digits."""
    return text.event_id(header_event_id) or text.event_id(payload.get("event_id")) or fallback


def normalise(
    payload: dict[str, Any], *, event_id: str, received_at: int, user_salt: bytes = b"", mark: Mark | None = None
) -> tuple[dict[str, Any], ErrorEvent]:
    """Return the payload as Relay would keep it (changed in place) and the typed event.

    `payload` is parsed and scrubbed JSON in which any type may stand anywhere. `received_at` in ms stands in for a
    time that is missing or wrong. `user_salt` keys the hash of the user. `mark` makes the marks of secrets that show
    only in what is put together here: a message of a template and its parameters.
    """
    get = payload.get
    for interface, field in _INTERFACES.items():
        if interface in payload:
            payload.setdefault(field, payload.pop(interface))
    platform = get("platform")
    platform = platform if isinstance(platform, str) and platform in _PLATFORMS else "other"
    exceptions = stacks.exceptions(payload)
    message, formatted = logentry(payload, mark or Marker(user_salt))
    tagged = dict(text.tags(get("tags"))) | dict(text.tags([["server_name", payload.pop("server_name", None)]]))
    environment = text.environment(get("environment")) or text.environment(tagged.get("environment"))
    event = ErrorEvent(
        event_id=EventId(event_id),
        platform=platform,
        occurred_at=parse_timestamp(get("timestamp"), received_at),
        received_at=received_at,
        level=text.level(get("level", "error")),  # type: ignore[arg-type]  # one of the five
        title=_title(exceptions, formatted or message),
        culprit=_culprit(payload, exceptions, platform),
        root_type=(exceptions[0].type or "") if exceptions else "",
        handled=_handled(exceptions),
        logger=text.short(get("logger"), 64) or "",
        transaction=text.short(get("transaction"), 200),
        release=text.release(get("release")),
        environment=environment,
        dist=text.dist(get("dist")),
        tags=tuple(item for item in sorted(tagged.items())[: text.MOST_TAGS] if item[0] not in _PROMOTED),
        user_hash=user_hash(get("user"), user_salt),
        trace_id=_trace_id(get("contexts")),
        message=message,
        formatted=formatted,
        exceptions=exceptions,
        threads=stacks.threads(payload),
        frames=stacks.frames(get("stacktrace")),
        template=template(payload),
        security=security_report(payload),
        fingerprint=_fingerprint(get("fingerprint")),
        checksum=text.short(get("checksum"), 128),
        sdk=_sdk(get("sdk")),
    )
    _keep(payload, event)
    return payload, event


def _keep(payload: dict[str, Any], event: ErrorEvent) -> None:
    """Write what was settled back into the payload."""
    payload["event_id"] = event.event_id
    payload["platform"] = event.platform
    payload["timestamp"] = event.occurred_at / 1000
    payload["received"] = event.received_at / 1000
    payload["level"] = event.level
    payload["tags"] = [list(pair) for pair in event.tags]
    for name, value in (("release", event.release), ("environment", event.environment), ("dist", event.dist)):
        if value is None:
            payload.pop(name, None)
        else:
            payload[name] = value
    breadcrumbs = payload.get("breadcrumbs")
    if breadcrumbs is not None:
        payload["breadcrumbs"] = {"values": stacks.values_of(breadcrumbs)[-_MOST_BREADCRUMBS:]}


def _title(exceptions: tuple[ExceptionValue, ...], message: str | None) -> str:
    if exceptions:
        last = exceptions[-1]
        first_line = _first_line(last.value)
        if last.synthetic or not last.type:
            place = _crash_frame(exceptions)
            kind = (place.function if place else None) or last.type or "<unknown>"
        else:
            kind = last.type
        return f"{kind}: {first_line}"[:_LONGEST_TITLE] if first_line else kind[:_LONGEST_TITLE]
    return _first_line(message)[:_LONGEST_TITLE] or "<unlabeled event>"


def _first_line(value: str | None) -> str:
    return next((line.strip() for line in (value or "")[:2048].splitlines() if line.strip()), "")


def _culprit(payload: dict[str, Any], exceptions: tuple[ExceptionValue, ...], platform: str) -> str:
    transaction = text.short(payload.get("transaction"), 200)
    if transaction:
        return transaction
    frame = _crash_frame(exceptions)
    if frame is None:
        return text.short(payload.get("culprit"), 200) or ""
    place = frame.module or frame.filename or "?"
    function = frame.function or "?"
    return (f"{function}({place})" if platform in ("javascript", "node") else f"{place} in {function}")[:200]


def _crash_frame(exceptions: tuple[ExceptionValue, ...]) -> Frame | None:
    for exception in reversed(exceptions):
        if exception.frames:
            return next((frame for frame in reversed(exception.frames) if frame.in_app), exception.frames[-1])
    return None


def _handled(exceptions: tuple[ExceptionValue, ...]) -> bool | None:
    said = [exception.handled for exception in exceptions if exception.handled is not None]
    return all(said) if said else None


def user_hash(user: Any, salt: bytes) -> str | None:
    """Return the keyed hash (32 hex digits) of the strongest that is said of a user; None when nothing is."""
    if not isinstance(user, dict):
        return None
    for name in ("id", "email", "username", "ip_address"):
        value = user.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "" and value != "{{auto}}":
            return blake2b(f"{name}:{value}".encode("utf-8", "replace"), key=salt[:64], digest_size=16).hexdigest()
    return None


def tag_hash(name: str, value: str, salt: bytes) -> str:
    """Return the keyed hash (12 hex digits) that stands for a tag on the log."""
    return blake2b(f"tag:{name}={value}".encode("utf-8", "replace"), key=salt[:64], digest_size=6).hexdigest()


def _trace_id(contexts: Any) -> str | None:
    trace = contexts.get("trace") if isinstance(contexts, dict) else None
    return text.event_id(trace.get("trace_id")) if isinstance(trace, dict) else None


def _fingerprint(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    parts = (str(part) if isinstance(part, str | int) else _number(part) for part in value[:100])
    return tuple(part[:1024] for part in parts if part is not None)


def _number(value: Any) -> str | None:
    return str(int(value)) if isinstance(value, float) and abs(value) < 1e15 else None


def _sdk(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    return f"{text.short(value.get('name'), 100) or ''}/{text.short(value.get('version'), 50) or ''}".strip("/")
