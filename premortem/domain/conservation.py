"""Conservation: what a dataflow took in and where it went. Nothing is dropped in silence."""

from typing import Literal

import msgspec
from msgspec import Struct

Outcome = Literal["out", "filtered", "late"]
"""Of one record: it had its effect, it needed none, or it came too late for its place in the order of time."""

STATE_KEY = "counters"
"""The part of a checkpoint's state that holds the tally: position and counts are saved in one transaction."""


class Tally(Struct, frozen=True, kw_only=True):
    """Records of one partition since a dataflow first read it. A record read again after a crash counts once."""

    taken: int = 0
    out: int = 0
    filtered: int = 0
    late: int = 0
    dead_lettered: int = 0

    @property
    def missing(self) -> int:
        """Records that came in and went nowhere: zero, or there is a bug."""
        return self.taken - self.out - self.filtered - self.late - self.dead_lettered

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            taken=self.taken + other.taken,
            out=self.out + other.out,
            filtered=self.filtered + other.filtered,
            late=self.late + other.late,
            dead_lettered=self.dead_lettered + other.dead_lettered,
        )


encode = msgspec.json.Encoder(order="deterministic").encode
"""Tally to bytes."""

decode = msgspec.json.Decoder(Tally).decode
"""Bytes to tally; raises `msgspec.DecodeError`."""
