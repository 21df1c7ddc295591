"""A batch of records as the arguments of `log_append` (migrations/postgres): few, large, and cheap to send.

Lists of numbers are written as array literals and all values as one, because making a database array of a thousand
small objects costs the gateway more than the append itself.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from premortem.exceptions import Malformed
from premortem.ports import Append, Position, Topic

Place = tuple[Topic, int]


class Packed(NamedTuple):
    """A batch: its places in the order in which they are locked, each record's place and rank there, the arguments."""

    places: list[Place]
    groups: list[int]
    ranks: list[int]
    arguments: tuple[str | bytes, ...]

    def positions(self, firsts: Sequence[int]) -> list[Position]:
        """Return where each record stands, in the order given, from the first offset at each place."""
        return [
            Position(*self.places[group], firsts[group] + rank)
            for group, rank in zip(self.groups, self.ranks, strict=True)
        ]


def pack(records: Sequence[Append], place_of: Callable[[Append], Place]) -> Packed:
    """Return the packed batch of `records` (at least one). Malformed when a key has more than one line."""
    found = [place_of(record) for record in records]
    places = sorted(set(found))
    index = {place: group for group, place in enumerate(places)}
    counts = [0] * len(places)
    groups, ranks = [], []
    for place in found:
        group = index[place]
        groups.append(group)
        ranks.append(counts[group])
        counts[group] += 1
    lengths = [len(record.value) for record in records]
    starts = accumulate(lengths, initial=1)
    keys = [record.key for record in records]
    if any("\n" in key or "\0" in key for key in keys):
        raise Malformed("a record's key is one line of text")
    arguments = (
        _literal(topic for topic, _ in places),
        _literal(partition for _, partition in places),
        _literal(counts),
        _literal(group + 1 for group in groups),
        _literal(ranks),
        _literal(start for start, _ in zip(starts, lengths, strict=False)),
        _literal(lengths),
        "\n".join(keys),
        b"".join(record.value for record in records),
    )
    return Packed(places, groups, ranks, arguments)


def _literal(values: Iterable[str | int]) -> str:
    return f"{{{','.join(map(str, values))}}}"
