"""Texts of strangers, cut so that the cut is seen; and values as the text that stands for them. Pure."""

from functools import partial
from typing import Any

import msgspec

from premortem.sentry.scrub import Marker
from premortem.sentry.scrub.text import redact

_MARK = "…"
_DEEPEST, _MOST_PARTS = 8, 100


def cut(text: str, longest: int) -> str:
    """Return the text in at most `longest` characters; one that was cut ends with a mark, and so is no value."""
    return text if len(text) <= longest else text[: longest - 1] + _MARK


def of_repository(text: str, longest: int) -> str:
    """Return a text of a repository without the secrets that somebody left in it, and cut: it is kept for ever."""
    lines = text.split("\n")
    return cut("\n".join(redact(line, Marker(b""), code=True) for line in lines), longest)


def representation(value: Any, *, names_quoted: bool = False, depth: int = 0) -> str:
    """Return how a value is written. Texts stand as they are: clients send the parts of a local variable written out
    already. Python's does so with all but the names in a dict (`names_quoted`): `{"eu": "1.2"}` was `{'eu': 1.2}`.
    """
    if depth > _DEEPEST:
        return _MARK
    if isinstance(value, str):
        return value
    more = [_MARK] if isinstance(value, dict | list) and len(value) > _MOST_PARTS else []
    inner = partial(representation, names_quoted=names_quoted, depth=depth + 1)
    if isinstance(value, dict):
        parts = [f"{_name(key) if names_quoted else key}: {inner(value[key])}" for key in list(value)[:_MOST_PARTS]]
        return "{" + ", ".join(parts + more) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([inner(each) for each in value[:_MOST_PARTS]] + more) + "]"
    return msgspec.json.encode(value).decode()


def _name(key: str) -> str:
    return key if key[:1] in ("'", '"') else repr(key)
