"""Owners: which fingerprint owns a grouping hash, exactly, in about 28 bytes a hash."""

from collections.abc import Iterable
from struct import iter_unpack

_KEY = 16
"""Bytes of a hash of 32 hex digits."""
_ENTRY = _KEY + 4
"""A key and the index of its owner, little endian."""
_NEIGHBOURHOODS = 8
"""Bits of their number."""
_PER_BUCKET = 16
"""Hashes in a bucket, on average: 320 bytes, which Python's own allocator still serves without waste."""


class Owners:
    """Hash -> index of its owner. Any text is a hash; one of 32 lower-case hex digits is kept in 20 bytes.

    A bucket is the entries of some hashes in one `bytes`, and a look-up is one search for the whole key in it: nothing
    is ever taken for another by a part of it. Buckets are split one by one (linear hashing, Litwin 1980), so that no
    single call has to move everything. Where a hash lies depends on Python's `hash`, which nobody outside can foresee,
    and nothing tells where it lies. See docs/adr/0011-memory-of-fingerprints.md for what else was measured.
    """

    __slots__ = ("_buckets", "_count", "_mask", "_others")

    def __init__(self, expected: int = 0) -> None:
        """Begin empty, with room for as many hashes as are expected: they need no splits then."""
        count = max(1, -(-expected // _PER_BUCKET))
        self._buckets = [b""] * count
        self._mask = (1 << (count - 1).bit_length()) - 1
        self._count = 0
        self._others: dict[str, int] = {}
        """Hashes of any other form: a custom fingerprint's, a test's."""

    def __len__(self) -> int:
        return self._count + len(self._others)

    def find(self, text: str) -> int:
        """Return the index of the hash's owner, -1 when it has none."""
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(text) != 2 * _KEY or key.hex() != text:  # as in `key_of`, without another call for every event
            return self._others.get(text, -1)
        at = hash(key) & self._mask
        if at >= len(self._buckets):
            at &= self._mask >> 1
        bucket = self._buckets[at]
        found = bucket.find(key)
        while found > 0 and found % _ENTRY:  # the end of one entry and the beginning of the next look like this key
            found = bucket.find(key, found + 1)
        return -1 if found < 0 else int.from_bytes(bucket[found + _KEY : found + _ENTRY], "little")

    def add(self, text: str, index: int) -> None:
        """Make `index` the owner of a hash that has none."""
        key = key_of(text)
        if key is None:
            self._others[text] = index
        else:
            self._add_key(key, index)

    def _add_key(self, key: bytes, index: int) -> None:
        at = hash(key) & self._mask
        if at >= len(self._buckets):
            at &= self._mask >> 1
        self._buckets[at] += key + index.to_bytes(4, "little")
        self._count += 1
        if self._count > _PER_BUCKET * len(self._buckets):
            self._split()

    def fill(self, owned: Iterable[tuple[bytes, int]]) -> None:
        """Add the hashes that were expected, and no more: each owner's, 16 bytes each, in one piece.

        Entries are gathered by the neighbourhood of their buckets first: to meet a million buckets in no order costs
        twice the time, for most of them are in no cache.
        """
        buckets, mask, size = self._buckets, self._mask, len(self._buckets)
        nearby = max(0, mask.bit_length() - _NEIGHBOURHOODS)
        gathered = [bytearray() for _ in range(1 << _NEIGHBOURHOODS)]
        for keys, index in owned:
            owner = index.to_bytes(4, "little")
            for begin in range(0, len(keys), _KEY):
                key = keys[begin : begin + _KEY]
                at = hash(key) & mask
                if at >= size:
                    at &= mask >> 1
                gathered[at >> nearby] += key + owner
            self._count += len(keys) // _KEY
        for entries in gathered:
            for key, owner in iter_unpack("16s4s", entries):
                at = hash(key) & mask
                if at >= size:
                    at &= mask >> 1
                buckets[at] += key + owner
            entries.clear()

    def _split(self) -> None:
        """Add a bucket, and move into it what now belongs there: all of that lies in one other bucket."""
        new = len(self._buckets)
        if new > self._mask:
            self._mask = 2 * self._mask + 1
        old = new & (self._mask >> 1)
        bucket, mask = self._buckets[old], self._mask
        entries = [bucket[at : at + _ENTRY] for at in range(0, len(bucket), _ENTRY)]
        self._buckets[old] = b"".join([entry for entry in entries if hash(entry[:_KEY]) & mask == old])
        self._buckets.append(b"".join([entry for entry in entries if hash(entry[:_KEY]) & mask == new]))


def key_of(text: str) -> bytes | None:
    """Return the 16 bytes of a text that is 32 lower-case hex digits, None for any other."""
    if len(text) != 2 * _KEY:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if key.hex() == text else None  # fromhex takes capitals and blanks, too
