"""Logs: the container item `log`, and check-ins, which are kept as log lines of their monitor."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed
from premortem.sentry.event_payload.templates import fill
from premortem.sentry.scrub import Mark
from premortem.sentry.scrub.parameters import mark_all
from premortem.sentry.timestamps import parse_timestamp

_MOST = 1_000
_LEVELS = frozenset(("trace", "debug", "info", "warn", "warning", "error", "fatal"))
_TEMPLATE, _PARAMETER = "sentry.message.template", "sentry.message.parameter."


class LogLine(Struct, frozen=True):
    """One log line; `attributes` are plain values, taken out of Sentry's {value, type} wrapping."""

    occurred_at: int
    level: str
    body: str
    trace_id: str
    attributes: dict[str, Any]


def parse(value: Any, received_at: int, mark: Mark) -> tuple[LogLine, ...]:
    """Return the lines of a `log` container parsed from JSON: {"items": [...]}, at most a thousand.

    `value` is scrubbed; `mark` makes the marks of parameters that only their message shows to be secrets. Lines without
    a body are left out. Raises Malformed when it is no container.
    """
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise Malformed("log has no list of items")
    return tuple(line for line in (_line(item, received_at, mark) for item in items[:_MOST]) if line is not None)


def _line(item: Any, received_at: int, mark: Mark) -> LogLine | None:
    if not isinstance(item, dict) or not isinstance(item.get("body"), str):
        return None
    level, trace_id, attributes = item.get("level"), item.get("trace_id"), item.get("attributes")
    wrapped = attributes if isinstance(attributes, dict) else {}
    body, plain = _without_secrets(item["body"], {key: _plain(value) for key, value in wrapped.items()}, mark)
    return LogLine(
        occurred_at=parse_timestamp(item.get("timestamp"), received_at),
        level=level if isinstance(level, str) and level in _LEVELS else "info",
        body=body,
        trace_id=trace_id[:64] if isinstance(trace_id, str) else "",
        attributes=plain,
    )


def _without_secrets(body: str, attributes: dict[str, Any], mark: Mark) -> tuple[str, dict[str, Any]]:
    """Return body and attributes with the parameters of the line's template marked if one of them is a secret."""
    named = {key.removeprefix(_PARAMETER): value for key, value in attributes.items() if key.startswith(_PARAMETER)}
    if not named:
        return body, attributes
    numbered = [named[key] for key in map(str, range(len(named))) if key in named]
    template = attributes.get(_TEMPLATE)
    template = template if isinstance(template, str) else ""
    filled, secret = fill(template, numbered if len(numbered) == len(named) else named, mark)
    if not secret and "[Filtered" not in body:
        return body, attributes
    marked = {f"{_PARAMETER}{key}": mark_all(value, mark) for key, value in named.items()}
    return (filled if secret else body), attributes | marked


def _plain(wrapped: Any) -> Any:
    return wrapped["value"] if isinstance(wrapped, dict) and "value" in wrapped else wrapped


def parse_check_in(value: Any, received_at: int) -> LogLine:
    """Return a check-in as a log line of its monitor: `error` when the job failed. Raises Malformed without a slug."""
    if not isinstance(value, dict) or not isinstance(value.get("monitor_slug"), str):
        raise Malformed("check-in has no monitor_slug")
    status = value.get("status")
    status = status if status in ("in_progress", "ok", "error") else "unknown"
    slug = value["monitor_slug"][:200]
    kept = ("check_in_id", "duration", "release", "environment")
    plain = {name: value[name] for name in kept if isinstance(value.get(name), str | int | float)}
    level = "error" if status == "error" else "info"
    attributes = {"monitor_slug": slug, "status": status, **plain}
    return LogLine(received_at, level, f"check-in {slug}: {status}", "", attributes)
