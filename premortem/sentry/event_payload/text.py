"""Names and texts as Relay keeps them: cut, cleaned, or dropped."""

import re
from typing import Any

import orjson

_EVENT_ID = re.compile(r"[0-9a-fA-F]{32}\Z|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_TAG_KEY = re.compile(r"[a-zA-Z0-9_.:-]{1,200}\Z")
_LEVELS = frozenset(("debug", "info", "warning", "error", "fatal"))
_NUMBERED = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}
LONGEST_VALUE = 8192
MOST_TAGS = 200


def plain(value: object, limit: int = LONGEST_VALUE) -> str | None:
    """Return `value` as text cut to `limit`: text itself, anything else as JSON, None as nothing."""
    if value is None:
        return None
    if not isinstance(value, str):
        try:
            value = str(orjson.dumps(value), "utf-8")
        except TypeError:
            return None
    return value if len(value) <= limit else value[: limit - 3] + "..."


def short(value: Any, limit: int) -> str | None:
    """Return text cut to `limit`; None for anything that is no text or empty."""
    return value[:limit] if isinstance(value, str) and value else None


def name(value: object, limit: int, forbidden: str, reserved: tuple[str, ...]) -> str | None:
    """Return a release, environment or dist; None when it is too long, reserved, or has a forbidden character."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    value = value.strip()
    if not value or len(value) > limit or value in reserved or any(c in forbidden for c in value):
        return None
    return value


def release(value: Any) -> str | None:
    """Return a release: at most 200 characters, no slash or line end, neither `.` nor `latest`."""
    return name(value, 200, "/\\\n\r\t\x0c", (".", "..", "latest"))


def environment(value: Any) -> str | None:
    """Return an environment: at most 64 characters, no slash or line end, not `None`."""
    return name(value, 64, "/\n\r\x0c", ("None", "none"))


def dist(value: Any) -> str | None:
    """Return a distribution: at most 64 characters of letters, digits, `_`, `-`, `.`."""
    return name(value, 64, " !", ())


def level(value: Any) -> str:
    """Return one of the five levels; Python's numbers and `critical`, `log` are mapped, anything else is an error."""
    if isinstance(value, str):
        if value in _LEVELS:
            return value
        return {"critical": "fatal", "log": "info"}.get(value) or _NUMBERED.get(_number(value), "error")
    return _NUMBERED.get(value, "error") if isinstance(value, int) else "error"


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 else 0


def event_id(value: Any) -> str | None:
    """Return an event id as 32 lower-case hexadecimal digits; None for anything else."""
    if isinstance(value, str) and _EVENT_ID.match(value):
        return value.replace("-", "").lower()
    return None


def tags(value: Any) -> list[list[str]]:
    """Return tags as sorted pairs of texts; those with an unusable key or value are left out. At most MOST_TAGS."""
    if isinstance(value, dict):
        pairs: list[Any] = [list(item) for item in value.items()]
    else:
        pairs = value if isinstance(value, list) else []
    kept: dict[str, str] = {}
    for pair in pairs[:MOST_TAGS]:
        if isinstance(pair, dict):
            pair = [pair.get("key"), pair.get("value")]
        if not isinstance(pair, list) or len(pair) != 2:
            continue
        key, text = _tag_key(pair[0]), _tag_value(pair[1])
        if key and text and key not in kept:
            kept[key] = text
    return [list(item) for item in sorted(kept.items())]


def _tag_key(value: Any) -> str | None:
    key = _scalar(value)
    key = _cut_tag(key.strip().replace(" ", "-")) if key else None
    return key if key and _TAG_KEY.match(key) else None


def _tag_value(value: Any) -> str | None:
    text = _scalar(value)
    return _cut_tag(text.strip()) if text and "\n" not in text else None


def _cut_tag(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."


def _scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if isinstance(value, float) and abs(value) < 1e15 else None
