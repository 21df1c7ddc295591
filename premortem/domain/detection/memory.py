"""Memory: every fingerprint that a project has ever seen, exactly, with its hashes and a small value of each."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from premortem.domain.detection.owners import Owners, key_of

BLOCK = 16
"""Fingerprints in a part of a snapshot. See docs/adr/0011-memory-of-fingerprints.md for what was measured."""
MOST_HASHES = 0x7FFF
"""A fingerprint owns no more than these; what comes behind them stays without an owner."""
_PREFIX = "memory-"
_HEADER = 2
_KEY = 16
_AS_TEXT = 0x8000
_LENGTH = 4
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[bytes])


class Memory:
    """Fingerprints by index, 0, 1, 2 ... in the order in which they were added; none is ever forgotten.

    A fingerprint is one `bytes`: its hashes, then its value. The header (2 bytes) counts the hashes; each is 16 bytes,
    or, when any of them is not 32 lower-case hex digits, all are texts behind their lengths (4 bytes).
    """

    __slots__ = ("_dirty", "_owners", "_records")

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._owners = Owners()
        self._dirty: set[int] = set()
        """Numbers of the blocks that changed since the last snapshot."""

    def __len__(self) -> int:
        return len(self._records)

    # ------------------------------------------------------------------------------------------------ hashes
    def find(self, hashes: Sequence[str]) -> int:
        """Return the index of the fingerprint that owns the first of the hashes that has an owner, else -1."""
        find = self._owners.find
        for text in hashes:
            index = find(text)
            if index >= 0:
                return index
        return -1

    def claim(self, hashes: Sequence[str]) -> int:
        """Find the owner and let it adopt the others, with one look at each hash: what an event asks for."""
        found = [self._owners.find(text) for text in hashes]
        if -1 not in found:
            return found[0] if found else -1
        index = next((index for index in found if index >= 0), -1)
        if index >= 0:
            self.adopt(index, hashes)
        return index

    def add(self, hashes: Sequence[str], value: bytes) -> int:
        """Remember a new fingerprint, named by its first hash, and return its index.

        It takes the hashes that have no owner. Raises ValueError when the first one has.
        """
        if not hashes or self._owners.find(hashes[0]) >= 0:
            raise ValueError(f"no new fingerprint: {hashes[:1]}")
        index = len(self._records)
        self._records.append(_packed(self._take(hashes, index, MOST_HASHES)) + value)
        self._dirty.add(index // BLOCK)
        return index

    def adopt(self, index: int, hashes: Sequence[str]) -> None:
        """Give the fingerprint those of the hashes that have no owner (Sentry's rule, in the order of the log)."""
        record = self._records[index]
        count = (record[0] | record[1] << 8) & ~_AS_TEXT
        new = self._take(hashes, index, MOST_HASHES - count)
        if new:
            self._records[index] = _packed([*_hashes(record), *new]) + record[_end(record) :]
            self._dirty.add(index // BLOCK)

    def _take(self, hashes: Sequence[str], index: int, room: int) -> list[str]:
        taken: list[str] = []
        for text in hashes:
            if len(taken) < room and self._owners.find(text) < 0:
                self._owners.add(text, index)
                taken.append(text)
        return taken

    def name(self, index: int) -> str:
        """Return the fingerprint's first hash."""
        record = self._records[index]
        return next(_hashes(record))

    def hashes(self, index: int) -> tuple[str, ...]:
        """Return all that it owns, in the order in which it took them."""
        return tuple(_hashes(self._records[index]))

    def names(self) -> Iterator[str]:
        """Yield every fingerprint's first hash, in order of creation."""
        return map(self.name, range(len(self._records)))

    # ------------------------------------------------------------------------------------------------ values
    def get(self, index: int) -> bytes:
        """Return the fingerprint's value."""
        record = self._records[index]
        return record[_end(record) :]

    def put(self, index: int, value: bytes) -> None:
        """Replace the fingerprint's value."""
        record = self._records[index]
        changed = record[: _end(record)] + value
        if changed != record:
            self._records[index] = changed
            self._dirty.add(index // BLOCK)

    # ------------------------------------------------------------------------------------------------ snapshots
    def changed(self) -> Iterator[tuple[str, bytes]]:
        """Yield the parts that changed since the last call, by name, in one order. Read it to its end.

        The same fingerprints with the same values give the same bytes, whatever happened in between.
        """
        blocks = sorted(self._dirty)
        self._dirty.clear()
        for block in blocks:
            yield f"{_PREFIX}{block}", _ENCODER.encode(self._records[block * BLOCK : (block + 1) * BLOCK])

    @classmethod
    def restore(cls, parts: Mapping[str, bytes]) -> "Memory":
        """Return the memory whose parts `changed` gave; parts of other names are not looked at.

        Raises ValueError when a part is missing.
        """
        memory = cls()
        records = memory._records
        count = sum(name.startswith(_PREFIX) for name in parts)
        for block in range(count):
            part = parts.get(f"{_PREFIX}{block}")
            if part is None or len(records) != block * BLOCK:
                raise ValueError("the memory of fingerprints has a hole. Reset `detect` to rebuild it from the log.")
            records.extend(_DECODER.decode(part))
        memory._owners = _owners(records)
        return memory


def _owners(records: Sequence[bytes]) -> Owners:
    owners = Owners(sum([record[0] | record[1] << 8 for record in records if record[1] < _AS_TEXT >> 8]))
    owners.fill(
        (record[_HEADER : _HEADER + _KEY * (record[0] | record[1] << 8)], index)
        for index, record in enumerate(records)
        if record[1] < _AS_TEXT >> 8
    )
    for index, record in enumerate(records):
        if record[1] >= _AS_TEXT >> 8:
            for text in _hashes(record):
                owners.add(text, index)
    return owners


def _packed(hashes: Sequence[str]) -> bytes:
    """Return a record without its value."""
    keys = [key for text in hashes if (key := key_of(text)) is not None]
    if len(keys) == len(hashes):
        return len(keys).to_bytes(_HEADER, "little") + b"".join(keys)
    texts = [text.encode("utf-8", "surrogatepass") for text in hashes]
    header = (len(texts) | _AS_TEXT).to_bytes(_HEADER, "little")
    return header + b"".join([len(text).to_bytes(_LENGTH, "little") + text for text in texts])


def _hashes(record: bytes) -> Iterator[str]:
    count = record[0] | record[1] << 8
    at = _HEADER
    if count < _AS_TEXT:
        for _ in range(count):
            yield record[at : at + _KEY].hex()
            at += _KEY
        return
    for _ in range(count - _AS_TEXT):
        at, begin = at + _LENGTH + int.from_bytes(record[at : at + _LENGTH], "little"), at + _LENGTH
        yield record[begin:at].decode("utf-8", "surrogatepass")


def _end(record: bytes) -> int:
    """Return where the hashes end and the value begins."""
    count = record[0] | record[1] << 8
    if count < _AS_TEXT:
        return _HEADER + _KEY * count
    at = _HEADER
    for _ in range(count - _AS_TEXT):
        at += _LENGTH + int.from_bytes(record[at : at + _LENGTH], "little")
    return at
