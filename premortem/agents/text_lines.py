"""Lines as git has them, ended by a line feed alone, and where two texts differ, in time that no text can stretch."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

_MOST_COMPARED = 20_000
"""Where more lines than these differ, they are one difference."""
_MOST_EXACTLY = 1_000
"""Up to so many lines the smallest difference is found; beyond, lines that stand everywhere tie nothing together."""


class Difference(Struct, frozen=True):
    """Lines `a` to `b` of the one text stand for lines `c` to `d` of the other (from 0, ends excluded)."""

    a: int
    b: int
    c: int
    d: int


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. `str.splitlines` would cut at a form feed, a lone CR and U+2028, too."""
    *ended, last = text.split("\n")
    return [f"{line}\n" for line in ended] + ([last] if last else [])


def differences(old: Sequence[str], new: Sequence[str]) -> list[Difference]:
    """Return the places where the lines differ, in order."""
    start = _common(old, new)
    end = min(_common(old[start:][::-1], new[start:][::-1]), min(len(old), len(new)) - start)
    one, other = old[start : len(old) - end], new[start : len(new) - end]
    longest = max(len(one), len(other))
    if longest > _MOST_COMPARED:
        return [Difference(start, start + len(one), start, start + len(other))]
    matcher = SequenceMatcher(None, one, other, autojunk=longest > _MOST_EXACTLY)
    return [
        Difference(start + a, start + b, start + c, start + d)
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
