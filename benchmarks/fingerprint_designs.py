"""Ways to know which fingerprint owns a hash, each with the same two methods: what `Memory` was chosen from.

All are exact: a hash is compared in full.
"""

from array import array
from bisect import bisect_left
from typing import Protocol

from premortem.domain.detection.owners import Owners

_LOW = (1 << 64) - 1


class Design(Protocol):
    """Hash -> index of its owner."""

    def find(self, text: str) -> int:
        """Return the index, -1 when the hash is not known."""

    def add(self, text: str, index: int) -> None:
        """Remember a hash that is not known."""


class PlainDict:
    """The baseline: text -> index."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}

    def find(self, text: str) -> int:
        """Look it up."""
        return self._owners.get(text, -1)

    def add(self, text: str, index: int) -> None:
        """Put it in."""
        self._owners[text] = index


class BytesDict:
    """The 16 bytes of a hash -> index."""

    def __init__(self) -> None:
        self._owners: dict[bytes, int] = {}

    def find(self, text: str) -> int:
        """Look it up."""
        return self._owners.get(bytes.fromhex(text), -1)

    def add(self, text: str, index: int) -> None:
        """Put it in."""
        self._owners[bytes.fromhex(text)] = index


class OpenTable:
    """Keys in one bytearray, and a table of their numbers with linear probing that doubles when two thirds are full."""

    def __init__(self) -> None:
        self._table = array("I", bytes(4 * 64))
        self._keys = bytearray()
        self._owners = array("I")

    def find(self, text: str) -> int:
        """Probe until the key or a free slot."""
        key, mask = bytes.fromhex(text), len(self._table) - 1
        at = hash(key) & mask
        while number := self._table[at]:
            if self._keys[16 * number - 16 : 16 * number] == key:
                return self._owners[number - 1]
            at = (at + 1) & mask
        return -1

    def add(self, text: str, index: int) -> None:
        """Append the key; place its number."""
        key = bytes.fromhex(text)
        self._keys += key
        self._owners.append(index)
        if 3 * len(self._owners) <= 2 * len(self._table):
            self._place(key, len(self._owners))
            return
        self._table = array("I", bytes(8 * len(self._table)))
        for number in range(1, len(self._owners) + 1):
            self._place(bytes(self._keys[16 * number - 16 : 16 * number]), number)

    def _place(self, key: bytes, number: int) -> None:
        mask = len(self._table) - 1
        at = hash(key) & mask
        while self._table[at]:
            at = (at + 1) & mask
        self._table[at] = number


class SortedArrays:
    """Sorted halves of the keys, searched by bisection, and a dictionary of the newest until it is as large."""

    def __init__(self) -> None:
        self._high, self._low, self._owners = array("Q"), array("Q"), array("I")
        self._newest: dict[str, int] = {}

    def find(self, text: str) -> int:
        """Look among the newest, then bisect."""
        index = self._newest.get(text)
        if index is not None:
            return index
        key = int(text, 16)
        at = bisect_left(self._high, key >> 64)
        while at < len(self._high) and self._high[at] == key >> 64:
            if self._low[at] == key & _LOW:
                return self._owners[at]
            at += 1
        return -1

    def add(self, text: str, index: int) -> None:
        """Put it among the newest; merge when they are many."""
        self._newest[text] = index
        if len(self._newest) <= 65_536 + len(self._high):
            return
        old = ((high << 64 | low, owner) for high, low, owner in zip(self._high, self._low, self._owners, strict=True))
        merged = sorted([*old, *((int(text, 16), owner) for text, owner in self._newest.items())])
        self._newest = {}
        self._high = array("Q", (key >> 64 for key, _ in merged))
        self._low = array("Q", (key & _LOW for key, _ in merged))
        self._owners = array("I", (owner for _, owner in merged))


DESIGNS: dict[str, type[Design]] = {
    "dict of str (baseline)": PlainDict,
    "dict of bytes": BytesDict,
    "open addressing over arrays": OpenTable,
    "sorted arrays and an overlay": SortedArrays,
    "buckets of bytes (Owners)": Owners,
}
