"""Conservation: what each dataflow took in and where it went, kept with its checkpoint so that the sums are exact."""

import msgspec
from msgspec import Struct

NAME = "counters"
"""The part of the checkpoint's state that holds them."""


class Counts(Struct):
    """Records of one partition since the log began: taken_in = passed + dead_lettered."""

    taken_in: int = 0
    passed: int = 0
    dead_lettered: int = 0
    emitted: int = 0
    """Facts, rows or tasks that came out; not part of the sum."""

    def pack(self) -> bytes:
        """Return the bytes for the checkpoint."""
        return msgspec.json.encode(self)


def unpack(value: bytes | None) -> Counts:
    """Return the counts in a checkpoint; zeros when it has none."""
    return msgspec.json.decode(value, type=Counts) if value else Counts()
