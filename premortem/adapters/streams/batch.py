"""What travels through a dataflow: batches of one log partition in, what is to be done about them out.

A whole batch is one item to Bytewax, so its cost per record is nearly nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from premortem.domain.conservation import Tally
from premortem.ports import Append, Checkpoint, LogRecord

Item = TypeVar("Item")


class Batch(Struct, frozen=True, kw_only=True):
    """Records of one partition, in order and without a gap; none when there is only something to settle."""

    partition: int
    records: Sequence[LogRecord] = ()
    next_offset: int
    """Where the next batch begins."""
    settle: bool = False
    """Save the position behind this batch."""
    opened: Checkpoint | None = None
    """In the first batch of a run: where the partition was left, and the state it had there."""


class Progress(Struct, frozen=True):
    """A position to save, with the parts of the state that changed since the last one (None = removed)."""

    next_offset: int
    changed: Mapping[str, bytes | None]


class Output(Struct, Generic[Item], frozen=True, kw_only=True):
    """What a batch asks for: `items` to deliver, and only when they are durable, `progress` to save."""

    partition: int
    items: Sequence[Item] = ()
    dead_letters: Sequence[Append] = ()
    tally: Tally = Tally()
    """What became of the batch's records, as far as the step could tell."""
    progress: Progress | None = None
    opened: Checkpoint | None = None


def part_name(partition: int) -> str:
    """Return Bytewax's name of a log partition. Bytewax orders names as text: padded, they are in order of number."""
    return f"{partition:04d}"
