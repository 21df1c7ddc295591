"""Envelopes: a JSON header line, then items, each a JSON header line and a payload.

Grammar (develop.sentry.dev, data model: envelopes): an item whose header has `length` owns exactly that many bytes,
followed by a newline or the end; without `length` it owns the bytes up to the next newline or the end.
"""

from typing import Any

import orjson
from msgspec import Struct

from premortem.exceptions import Malformed

__all__ = ["Envelope", "Item", "Malformed", "parse"]


class Item(Struct, frozen=True):
    """One item, its payload as sent."""

    type: str
    header: dict[str, Any]
    payload: bytes


class Envelope(Struct, frozen=True):
    """A parsed envelope; items of unknown types are kept, for the caller to count and skip."""

    header: dict[str, Any]
    items: tuple[Item, ...]


def parse(body: bytes, *, max_items: int = 100, max_header_bytes: int = 32 * 1024) -> Envelope:
    """Return the envelope in `body`; raises Malformed, naming the item, for anything that breaks the grammar."""
    end = len(body)
    line_end = _line_end(body, 0, end)
    header = _header(body, 0, line_end, max_header_bytes, "envelope header")
    items: list[Item] = []
    at = line_end + 1
    single = ""
    while at < end:
        line_end = _line_end(body, at, end)
        if line_end == at:  # an empty line between items, or at the end
            at += 1
            continue
        if len(items) >= max_items:
            raise Malformed(f"envelope has more than {max_items} items")
        what = f"header of item {len(items)}"
        item_header = _header(body, at, line_end, max_header_bytes, what)
        kind = item_header.get("type")
        if not isinstance(kind, str):
            raise Malformed(f"{what} has no type")
        start = min(line_end + 1, end)
        stop = _payload_end(body, start, end, item_header.get("length"), len(items))
        if kind in ("event", "transaction"):
            if single:
                raise Malformed(f"envelope has more than one event or transaction ({single} and {kind})")
            single = kind
        items.append(Item(kind, item_header, body[start:stop]))
        at = stop + 1
    return Envelope(header, tuple(items))


def _line_end(body: bytes, start: int, end: int) -> int:
    found = body.find(b"\n", start)
    return end if found < 0 else found


def _header(body: bytes, start: int, stop: int, limit: int, what: str) -> dict[str, Any]:
    if stop - start > limit:
        raise Malformed(f"{what} exceeds {limit} bytes")
    try:
        value = orjson.loads(body[start:stop])
    except orjson.JSONDecodeError as exception:
        raise Malformed(f"{what} is not JSON: {exception}") from exception
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value


def _payload_end(body: bytes, start: int, end: int, length: object, index: int) -> int:
    if length is None:
        return _line_end(body, start, end)
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise Malformed(f"length of item {index} is not a number of bytes")
    stop = start + length
    if stop > end:
        raise Malformed(f"item {index} says {length} bytes where {end - start} follow")
    if stop < end and body[stop] != 0x0A:
        raise Malformed(f"item {index} is not followed by a newline after its {length} bytes")
    return stop
