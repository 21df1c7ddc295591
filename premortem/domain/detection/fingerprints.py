"""Fingerprints: a project's errors by any of their hashes; few of them unpacked, all of them remembered."""

from collections.abc import Iterator, Mapping

from premortem.domain.detection.known import Known
from premortem.domain.detection.memory import Memory
from premortem.domain.detection.packing import pack, pack_active, unpack
from premortem.domain.ids import Fingerprint

UNPACKED = 12_000
"""At most so many of a detector are held as objects, of some 8 KB each."""
_HOT = 4_096
"""Tuples of hashes whose owners are at hand, about a megabyte a project,"""
_HOT_SHARE = 64
"""or of so many fingerprints one: as many as are frequent."""
_PREFIX = "active-"


class AtHand:
    """The fingerprints of a detector's projects that are held as objects; it changes no answer which ones are."""

    def __init__(self, most: int = UNPACKED) -> None:
        self._most = most
        self._held: dict[tuple[Fingerprints, int], None] = {}
        """In the order in which they were touched first since the last snapshot."""

    def __len__(self) -> int:
        return len(self._held)

    def touch(self, fingerprints: "Fingerprints", index: int) -> None:
        """Note that one is held; the one that was touched longest ago goes when they are too many."""
        held = self._held
        held.pop((fingerprints, index), None)
        held[fingerprints, index] = None
        while len(held) > self._most:
            (owner, oldest) = next(iter(held))
            del held[owner, oldest]
            owner.let_go(oldest)

    def drop(self, fingerprints: "Fingerprints", index: int) -> None:
        """Note that one is not held any more."""
        self._held.pop((fingerprints, index), None)


class Fingerprints:
    """What is known of each fingerprint of a project."""

    def __init__(self, at_hand: AtHand | None = None) -> None:
        self._at_hand = at_hand if at_hand is not None else AtHand()
        self._memory = Memory()
        self._hot: dict[tuple[Fingerprint, ...], tuple[int, str]] = {}
        """Index and name of what was looked up of late: what has an owner never gets another."""
        self._unpacked: dict[int, Known] = {}
        self._active: dict[int, bytes] = {}
        """Packed, of those that are counted."""
        self._touched: dict[int, None] = {}
        """Unpacked ones whose packed form is old."""
        self._dirty: dict[int, None] = {}
        """Whose active part is to be written."""

    def __len__(self) -> int:
        return len(self._memory)

    def find(self, hashes: tuple[Fingerprint, ...]) -> tuple[str, Known | None]:
        """Return the fingerprint that owns any of the hashes, with its state; (the first hash, None) when none does.

        The owner takes the other hashes as its own (Sentry's rule, in the order of the log).
        """
        hot = self._hot.get(hashes)
        if hot is None:
            index = self._memory.claim(hashes)
            if index < 0:
                return hashes[0], None
            hot = self._heat(hashes, index)
        index, name = hot
        return name, self._unpacked[index] if index in self._touched else self._touch(index)

    def _heat(self, hashes: tuple[Fingerprint, ...], index: int) -> tuple[int, str]:
        if len(self._hot) >= max(_HOT, len(self._memory) // _HOT_SHARE):
            self._hot.clear()
        hot = self._hot[hashes] = index, self._memory.name(index)
        return hot

    def look(self, fingerprint: str) -> Known | None:
        """Return what is known under a hash, changing nothing."""
        index = self._memory.find((fingerprint,))
        return None if index < 0 else self._touch(index)

    def name(self, fingerprint: str) -> str:
        """Return the name of the fingerprint that owns a hash; the hash itself when none does."""
        index = self._memory.find((fingerprint,))
        return fingerprint if index < 0 else self._memory.name(index)

    def add(self, hashes: tuple[Fingerprint, ...], known: Known) -> None:
        """Remember a new fingerprint."""
        index = self._memory.add(hashes, b"")
        self._unpacked[index] = known
        self._touched[index] = None
        self._at_hand.touch(self, index)

    def _touch(self, index: int) -> Known:
        if index in self._touched:
            return self._unpacked[index]
        known = self._unpacked.get(index)
        if known is None:
            known = self._unpacked[index] = unpack(self._memory.get(index), self._active.get(index))
        self._touched[index] = None
        self._at_hand.touch(self, index)
        return known

    def let_go(self, index: int) -> None:
        """Keep what is known of a fingerprint in its packed form alone."""
        known = self._unpacked.pop(index)
        if index in self._touched:
            del self._touched[index]
            self._pack(index, known)

    def _pack(self, index: int, known: Known) -> None:
        self._memory.put(index, pack(known))
        if known.is_active:
            self._active[index] = pack_active(known)
            self._dirty[index] = None
        elif self._active.pop(index, None) is not None:
            self._dirty[index] = None

    # ------------------------------------------------------------------------------------------------ snapshots
    def changed(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield the parts that changed since the last call, in one order; None = the part is gone."""
        for index in self._touched:
            known = self._unpacked[index]
            self._pack(index, known)
            if not known.is_active:  # one that is only remembered is unpacked in no time, when it comes again
                del self._unpacked[index]
                self._at_hand.drop(self, index)
        self._touched.clear()
        yield from self._memory.changed()
        for index in sorted(self._dirty):
            yield f"{_PREFIX}{index}", self._active.get(index)
        self._dirty.clear()

    @classmethod
    def restore(cls, parts: Mapping[str, bytes], at_hand: AtHand | None = None) -> "Fingerprints":
        """Return what `changed` gave."""
        found = cls(at_hand)
        found._memory = Memory.restore(parts)
        active = {int(name[len(_PREFIX) :]): value for name, value in parts.items() if name.startswith(_PREFIX)}
        found._active = {index: active[index] for index in sorted(active)}
        return found
