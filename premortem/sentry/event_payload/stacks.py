"""Exceptions, threads and their frames, from whatever shape a client gave them."""

import re
from typing import Any

from premortem.domain.error_event import ExceptionValue, Frame, Thread
from premortem.sentry.event_payload import text

_MOST_FRAMES = 250
_FIRST_FRAMES = 50
_MOST_EXCEPTIONS = 200
_LONGEST_NAME = 1024
"""Longer names and lines of a frame are cut for grouping, which remembers frames; the payload keeps them."""
_TYPED = re.compile(r"([A-Za-z_][\w.]{0,127}): (.*)", re.DOTALL)


def values_of(container: Any) -> list[Any]:
    """Return the entries of `{"values": [...]}`, of a list, or of one object; null entries are dropped."""
    if isinstance(container, dict):
        container = container.get("values", [container])
    return [entry for entry in container if isinstance(entry, dict)] if isinstance(container, list) else []


def exceptions(payload: dict[str, Any]) -> tuple[ExceptionValue, ...]:
    """Clean `payload["exception"]` in place and return it typed; the root cause first."""
    entries = values_of(payload.get("exception"))[:_MOST_EXCEPTIONS]
    typed = []
    kept = []
    for entry in entries:
        kind, value = text.plain(entry.get("type"), 256), text.plain(entry.get("value"))
        if not kind and value and (match := _TYPED.match(value)):
            kind, value = match[1], match[2]
        if not kind and value is None:
            continue
        entry["type"], entry["value"] = kind, value
        kept.append(entry)
        typed.append(_exception(entry, kind, value))
    if kept:
        payload["exception"] = {"values": kept}
    else:
        payload.pop("exception", None)
    return tuple(typed)


def _exception(entry: dict[str, Any], kind: str | None, value: str | None) -> ExceptionValue:
    mechanism = entry.get("mechanism")
    if not isinstance(mechanism, dict):
        mechanism = {}
    handled = mechanism.get("handled")
    meta = mechanism.get("meta")
    ns_error = meta.get("ns_error") if isinstance(meta, dict) else None
    return ExceptionValue(
        type=kind or None,
        value=value,
        module=text.short(entry.get("module"), 256),
        frames=frames(entry.get("stacktrace")),
        handled=handled if isinstance(handled, bool) else None,
        synthetic=mechanism.get("synthetic") is True,
        ns_error=(str(ns_error.get("domain")), str(ns_error.get("code"))) if isinstance(ns_error, dict) else None,
        exception_id=_integer(mechanism.get("exception_id")),
        parent_id=_integer(mechanism.get("parent_id")),
        is_exception_group=mechanism.get("is_exception_group") is True,
    )


def threads(payload: dict[str, Any]) -> tuple[Thread, ...]:
    """Return the threads of a crash report, typed."""
    entries = values_of(payload.get("threads"))[:_MOST_EXCEPTIONS]
    return tuple(
        Thread(frames(entry.get("stacktrace")), entry.get("crashed") is True, entry.get("current") is True)
        for entry in entries
    )


def frames(stacktrace: Any) -> tuple[Frame, ...] | None:
    """Clean a stack trace in place and return its frames typed, oldest first; None when there are none."""
    if not isinstance(stacktrace, dict) or not isinstance(stacktrace.get("frames"), list):
        return None
    entries = [entry for entry in stacktrace["frames"] if isinstance(entry, dict)]
    if len(entries) > _MOST_FRAMES:  # the first tell where it began, the last where it failed
        entries = entries[:_FIRST_FRAMES] + entries[_FIRST_FRAMES - _MOST_FRAMES :]
    stacktrace["frames"] = entries
    return tuple(map(_frame, entries)) or None


def _frame(entry: dict[str, Any]) -> Frame:
    get = entry.get
    data, in_app = get("data"), get("in_app")
    filename, abs_path = _text(get("filename")), _text(get("abs_path"))
    if filename is None and abs_path is not None:
        filename = abs_path
    return Frame(
        _text(get("function")) or _text(get("symbol")),
        _text(get("raw_function")),
        _text(get("module")),
        filename,
        abs_path if abs_path is not None else filename,
        _text(get("package")),
        _text(get("context_line")),
        _integer(get("lineno")),
        _integer(get("colno")),
        in_app if isinstance(in_app, bool) else None,
        _text(get("platform")),
        isinstance(data, dict) and data.get("sourcemap") is not None,
    )


def _text(value: Any) -> str | None:
    return value[:_LONGEST_NAME] if isinstance(value, str) and value else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53 else None
