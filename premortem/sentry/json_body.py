"""JSON from outside: parsed within limits, and free of what would break somebody further on.

The common case costs one scan of the raw bytes and one parse. Only a body that holds an escape, a control or
invisible character, an unusual number or a very long string is walked, with a stack of its own, never by recursion.
"""

import json
import re
from typing import Any

import orjson
import re2

from premortem.exceptions import Malformed, Permanent

REPLACEMENT = "�"
CUT_MARK = "…[cut]"

_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_SUSPICIOUS = re2.compile(
    # \u escapes of controls, surrogates, zero-width and bidi characters; the same characters in UTF-8
    rb"\\u(?:00[01]|[dD][89a-fA-F]|20[0-6]|[fF][eE][fF]{2}|061[cC])"
    rb"|\\[bf]|\x7f|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xd8\x9c",
    _BYTES,
)
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b'[]{}"\\'))
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or one that never ends: a pattern that could fail would start again at every quote."""


class TooLarge(Permanent):
    """The JSON holds more values than this server takes."""


def loads(body: bytes, *, max_depth: int = 64, max_values: int = 20_000, max_string: int = 65_536) -> Any:
    """Return the parsed value with every string safe to store and to show.

    - NUL, other controls but tab and line ends, zero-width and bidi controls, and lone surrogates (which real SDKs
      send) become U+FFFD; strings are cut after `max_string` characters with a mark.
    - NaN and Infinity become null (Relay gives 0 or null by place; null says "no number" everywhere).
    - Integers beyond 64 bits become floats, as in JavaScript.
    - Deeper than `max_depth`, or not JSON at all: Malformed. More than `max_values` values: TooLarge.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened > max_depth and _depth(body) > max_depth:
        raise Malformed(f"JSON is nested deeper than {max_depth}")
    if len(body) > max_values and body.count(b",") + opened > max_values and _values(body) > max_values:
        raise TooLarge(f"JSON holds more than {max_values} values")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exception:
        value = _loads_leniently(body, exception)
    else:
        if len(body) <= max_string and (_is_plain(body) or not _SUSPICIOUS.search(body)):
            return value
    return _sanitise(value, max_string)


def _is_plain(body: bytes) -> bool:
    """Say whether three looks at the bytes suffice: no escape, nothing beyond ASCII, no DEL. Others JSON forbids."""
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def _loads_leniently(body: bytes, refusal: orjson.JSONDecodeError) -> Any:
    """Parse what orjson refuses and real clients send: NaN, lone surrogates, broken UTF-8."""
    try:
        text = body.decode("utf-8", errors="replace")
        return json.loads(text, parse_constant=lambda _: None, parse_int=_parse_int, strict=False)
    except (ValueError, RecursionError):
        raise Malformed(f"not JSON: {refusal}") from refusal


def _parse_int(text: str) -> int | float:
    if len(text) < 19:
        return int(text)
    number = float(text[:400])
    return int(text) if abs(number) < 1 << 63 else number if abs(number) < float("inf") else 0


def _depth(body: bytes) -> int:
    """Return how deep brackets outside strings are nested; linear, and right for any JSON."""
    depth = deepest = 0
    for byte in _without_strings(body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _values(body: bytes) -> int:
    outside = _STRINGS.sub(b"", body)
    return outside.count(b",") + outside.count(b"[") + outside.count(b"{")


def _without_strings(body: bytes) -> bytes:
    return _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS)


def _sanitise(root: Any, max_string: int) -> Any:
    holder = [root]
    stack: list[Any] = [holder]
    while stack:
        container = stack.pop()
        if type(container) is dict:
            _clean_keys(container)
            entries: Any = container.items()
        else:
            entries = enumerate(container)
        for key, value in list(entries):
            kind = type(value)
            if kind is str:
                container[key] = clean(value, max_string)
            elif kind is dict or kind is list:
                stack.append(value)
            elif kind is float and value != value:
                container[key] = None
    return holder[0]


def _clean_keys(container: dict[str, Any]) -> None:
    for key in [key for key in container if _UNSAFE.search(key)]:
        container[_UNSAFE.sub(REPLACEMENT, key)] = container.pop(key)


def clean(text: str, max_string: int = 65_536) -> str:
    """Return `text` without unsafe characters, cut to `max_string` characters."""
    if len(text) > max_string:
        text = text[: max_string - len(CUT_MARK)] + CUT_MARK
    return _UNSAFE.sub(REPLACEMENT, text) if _UNSAFE.search(text) else text
