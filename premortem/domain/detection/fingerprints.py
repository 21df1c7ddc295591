"""Fingerprints: a project's errors by any of their hashes; few of them unpacked, all of them remembered."""

from collections.abc import Iterator, Mapping

from premortem.domain.detection.config import DEFAULT, Rates, rates
from premortem.domain.detection.known import Known
from premortem.domain.detection.memory import Memory
from premortem.domain.detection.packing import pack, pack_active, unpack
from premortem.domain.ids import Fingerprint

_UNPACKED = 12_000
"""At most so many are held as objects; the one touched longest ago is packed first. It changes no answer."""
_HOT = 4_096
"""Tuples of hashes whose owners are at hand, about a megabyte a project."""
_PREFIX = "active-"


class Fingerprints:
    """What is known of each fingerprint. `rates` must be those of the project's configuration."""

    def __init__(self) -> None:
        self.rates: Rates = rates(DEFAULT)
        self._memory = Memory()
        self._hot: dict[tuple[Fingerprint, ...], tuple[int, str]] = {}
        """Index and name of what was looked up of late: what has an owner never gets another."""
        self._unpacked: dict[int, Known] = {}
        """In the order in which they were touched first since the last snapshot."""
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
        return hot[1], self._touch(hot[0])

    def _heat(self, hashes: tuple[Fingerprint, ...], index: int) -> tuple[int, str]:
        if len(self._hot) >= _HOT:
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
        self._pack_oldest()

    def _touch(self, index: int) -> Known:
        if index in self._touched:
            return self._unpacked[index]
        known = self._unpacked.pop(index, None)
        if known is None:
            known = unpack(self._memory.get(index), self._active.get(index), self.rates)
        self._unpacked[index] = known
        self._touched[index] = None
        self._pack_oldest()
        return known

    def _pack_oldest(self) -> None:
        while len(self._unpacked) > _UNPACKED:
            index = next(iter(self._unpacked))
            self._pack(index)
            del self._unpacked[index]

    def _pack(self, index: int) -> None:
        if index not in self._touched:
            return
        del self._touched[index]
        known = self._unpacked[index]
        self._memory.put(index, pack(known))
        if known.is_active:
            self._active[index] = pack_active(known)
            self._dirty[index] = None
        elif self._active.pop(index, None) is not None:
            self._dirty[index] = None

    # ------------------------------------------------------------------------------------------------ snapshots
    def changed(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield the parts that changed since the last call, in one order; None = the part is gone."""
        for index in list(self._touched):
            self._pack(index)
        yield from self._memory.changed()
        for index in sorted(self._dirty):
            yield f"{_PREFIX}{index}", self._active.get(index)
        self._dirty.clear()

    @classmethod
    def restore(cls, parts: Mapping[str, bytes]) -> "Fingerprints":
        """Return what `changed` gave."""
        found = cls()
        found._memory = Memory.restore(parts)
        active = {int(name[len(_PREFIX) :]): value for name, value in parts.items() if name.startswith(_PREFIX)}
        found._active = {index: active[index] for index in sorted(active)}
        return found
