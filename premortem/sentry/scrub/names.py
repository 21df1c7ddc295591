"""Dicts of an event whose keys name packages (`modules`: `cookiecutter`) or the event's own parts (`_meta`).

Below such a key stands a version, or a note on what was done to the part; anything else is judged as everywhere.
"""

import re
from collections.abc import Callable
from typing import Any

_DICTS = ("modules", "_meta")
_VERSION = re.compile(r"v?\d{1,6}(?:\.\d{1,8}){1,5}(?:[.+\-]?[a-z]{1,8}\.?\d{0,8}){0,3}", re.IGNORECASE)
_NOTES = frozenset(("rem", "err", "len"))
"""What a note says of rules, errors and lengths; beside them it may repeat what was sent."""


def named_dicts(event: Any) -> frozenset[int]:
    """Return the identities of these dicts, and of all below them."""
    stack = [event.get(name) for name in _DICTS] if type(event) is dict else []
    found = []
    while stack:
        value = stack.pop()
        if type(value) is dict:
            found.append(id(value))
            stack.extend(value.values())
    return frozenset(found)


def without_secrets(value: Any, take_out: Callable[[Any], Any]) -> Any:
    """Return what may stay of the value under a secret's name; `take_out` says what stands in a secret's place."""
    if type(value) is str and _VERSION.fullmatch(value):
        return value
    if type(value) is not dict:
        return take_out(value)
    waiting = [value]
    while waiting:
        container = waiting.pop()
        for key, inner in container.items():
            if type(inner) is not dict:
                container[key] = take_out(inner)
            elif key != "":
                waiting.append(inner)
            else:
                inner.update({name: take_out(said) for name, said in inner.items() if name not in _NOTES})
    return value
