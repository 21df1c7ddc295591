"""Checks: what was compared, of how many, what is wrong, and what cannot be asked any more."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

State = Literal["ok", "gone", "FAILED"]
_LONGEST = 200


class Wrong(Struct, frozen=True):
    """Two values that should be one: where, what it must be, and what is there."""

    where: str
    expected: str
    found: str


class Check(Struct, frozen=True, kw_only=True):
    """One line of a verification."""

    what: str
    count: int
    """Of how many things."""
    gone: int = 0
    """How many of them cannot be recomputed any more; `said` tells why. That is no failure."""
    wrong: tuple[Wrong, ...] = ()
    said: tuple[str, ...] = ()
    """What there is to know about it, a sentence each."""

    @property
    def state(self) -> State:
        """Return FAILED when anything is wrong, gone when all that there was cannot be asked any more, else ok."""
        if self.wrong:
            return "FAILED"
        return "gone" if self.count and self.gone == self.count else "ok"


def differing(where: str, pairs: Iterable[tuple[str, object, object]]) -> list[Wrong]:
    """Return what differs of (name, what it must be, what is there)."""
    return [
        Wrong(f"{where}, {name}" if name else where, shown(expected), shown(found))
        for name, expected, found in pairs
        if expected != found
    ]


def shown(value: object) -> str:
    """Return a value as a person compares it, cut where it is long."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters)"


def apart(expected: bytes, found: bytes) -> tuple[str, str]:
    """Return the neighbourhoods of the first byte in which two records differ."""
    at = next((n for n, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), None)
    start = max(0, (min(len(expected), len(found)) if at is None else at) - 20)
    return shown(b"... " + expected[start : start + 60]), shown(b"... " + found[start : start + 60])


def distinct(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return each sentence once, in order."""
    return tuple(dict.fromkeys(sentences))
