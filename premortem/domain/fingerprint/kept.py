"""A grouping as it is kept with its event, so that a person can see why two events are one error. Bounded."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from premortem.domain.fingerprint.frames import Values
from premortem.domain.fingerprint.grouping import Grouping

FIELD = "_grouping"
"""Where it stands in the body of an event. What a client sends under that name is overwritten."""
_MOST_BYTES = 16 << 10
_FIRST, _LAST, _LONGEST = 8, 40, 160
"""Of what is larger: how many values of each variant stay, and how much of each. The last are nearest to the crash."""


class _Body(Struct, rename={"grouping": FIELD}):
    grouping: Grouping | None = None


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_Body)


def encode(grouping: Grouping) -> bytes:
    """Return the grouping as JSON: whole when it is of common size, else with the middle of its values left out."""
    whole = _ENCODER.encode(grouping)
    return whole if len(whole) <= _MOST_BYTES else _ENCODER.encode(_cut(grouping))


def of_body(body: bytes) -> Grouping | None:
    """Return the grouping in the body of an event; None in one that an earlier version wrote without."""
    try:
        return _DECODER.decode(body).grouping
    except msgspec.DecodeError:
        return None


def _cut(grouping: Grouping) -> Grouping:
    variants = (msgspec.structs.replace(variant, values=_some(variant.values)) for variant in grouping.variants)
    return msgspec.structs.replace(grouping, variants=tuple(variants))


def _some(values: Values) -> Values:
    left_out = len(values) - _FIRST - _LAST
    if left_out <= 0:
        return _short(values)
    return (*_short(values[:_FIRST]), ("left out", f"{left_out} values"), *_short(values[-_LAST:]))


def _short(values: Sequence[tuple[str, str]]) -> Values:
    return tuple((role, value if len(value) <= _LONGEST else value[:_LONGEST] + "...") for role, value in values)
