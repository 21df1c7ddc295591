"""Logs: the container item `log`, and check-ins, which are kept as log lines of their monitor."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed
from premortem.sentry.timestamps import parse_timestamp

_MOST = 1_000
_LEVELS = frozenset(("trace", "debug", "info", "warn", "warning", "error", "fatal"))


class LogLine(Struct, frozen=True):
    """One log line; `attributes` are plain values, taken out of Sentry's {value, type} wrapping."""

    occurred_at: int
    level: str
    body: str
    trace_id: str
    attributes: dict[str, Any]


def parse(value: Any, received_at: int) -> tuple[LogLine, ...]:
    """Return the lines of a `log` container parsed from JSON: {"items": [...]}, at most a thousand.

    Lines without a body are left out. Raises Malformed when it is no container.
    """
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise Malformed("log has no list of items")
    return tuple(line for line in (_line(item, received_at) for item in items[:_MOST]) if line is not None)


def _line(item: Any, received_at: int) -> LogLine | None:
    if not isinstance(item, dict) or not isinstance(item.get("body"), str):
        return None
    level, trace_id, attributes = item.get("level"), item.get("trace_id"), item.get("attributes")
    return LogLine(
        occurred_at=parse_timestamp(item.get("timestamp"), received_at),
        level=level if isinstance(level, str) and level in _LEVELS else "info",
        body=item["body"],
        trace_id=trace_id[:64] if isinstance(trace_id, str) else "",
        attributes={key: _plain(wrapped) for key, wrapped in attributes.items()}
        if isinstance(attributes, dict)
        else {},
    )


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
