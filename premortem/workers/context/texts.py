"""Texts of strangers, cut so that the cut is seen; and values as the text that stands for them. Pure."""

from typing import Any

import msgspec

_MARK = "…"
_DEEPEST, _MOST_PARTS = 8, 100


def cut(text: str, longest: int) -> str:
    """Return the text in at most `longest` characters; one that was cut ends with a mark, and so is no value."""
    return text if len(text) <= longest else text[: longest - 1] + _MARK


def representation(value: Any, depth: int = 0) -> str:
    """Return how a value is written. Clients send the parts of a local variable written out already, so texts stand
    as they are: `{"'eu'": "1.2"}` was `{'eu': 1.2}`.
    """
    if depth > _DEEPEST:
        return _MARK
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        parts = [f"{key}: {representation(value[key], depth + 1)}" for key in list(value)[:_MOST_PARTS]]
        return "{" + ", ".join([*parts, *([_MARK] if len(value) > _MOST_PARTS else [])]) + "}"
    if isinstance(value, list):
        parts = [representation(each, depth + 1) for each in value[:_MOST_PARTS]]
        return "[" + ", ".join([*parts, *([_MARK] if len(value) > _MOST_PARTS else [])]) + "]"
    return msgspec.json.encode(value).decode()
