"""Project: the fingerprints of one project, the event ids seen last, and what a person set."""

from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

import msgspec

from premortem.domain.detection.config import DEFAULT, DetectorConfig, Rates, rates
from premortem.domain.detection.known import Known
from premortem.domain.detection.packing import pack, unpack
from premortem.domain.ids import Fingerprint

SHARDS = 256
_SEGMENT = 1024
_SEGMENTS = 4
"""Event ids are remembered in segments, so that a snapshot writes only the ones that changed: 3,073 to 4,096 ids."""
_MOST_MUTES = 10_000


class Project:
    """The detector's state of one project; fingerprints stay packed until an event touches them."""

    def __init__(self, config: DetectorConfig = DEFAULT) -> None:
        self.values: dict[str, float] = {}
        self.rules: dict[str, float] = {}
        self.mutes: dict[str, int] = {}
        self._default = config
        self.config = config
        self.rates: Rates = rates(config)
        self._owners: dict[str, str] = {}
        """Hash -> the fingerprint that owns it."""
        self._known: dict[str, Known] = {}
        self._packed: dict[str, bytes] = {}
        self._shards: dict[int, dict[str, list[str]]] = {}
        """Shard -> fingerprint -> its hashes."""
        self._touched: dict[str, None] = {}
        self._ids: list[list[str]] = [[]]
        self._seen: set[str] = set()
        """Every id in `_ids`."""
        self._segment = 0
        self._dirty_segments: set[int] = set()
        self._dirty_settings = False

    # ------------------------------------------------------------------------------------------------ fingerprints
    def find(self, hashes: tuple[Fingerprint, ...]) -> tuple[str, Known | None]:
        """Return the fingerprint that owns any of the hashes, with its state; (the first hash, None) when none does.

        The owner takes the other hashes as its own (Sentry's rule, in the order of the log).
        """
        owners = list(map(self._owners.get, hashes))
        for owner in owners:
            if owner is not None:
                if None in owners:
                    self._adopt(owner, hashes)
                return owner, self._state(owner)
        return hashes[0], None

    def add(self, hashes: tuple[Fingerprint, ...], known: Known) -> None:
        """Remember a new fingerprint."""
        name = hashes[0]
        self._known[name] = known
        self._shards.setdefault(shard_of(name), {})[name] = []
        self._adopt(name, hashes)
        self._touched[name] = None

    def _adopt(self, name: str, hashes: tuple[Fingerprint, ...]) -> None:
        for each in hashes:
            if each not in self._owners:
                self._owners[each] = name
                self._shards[shard_of(name)][name].append(each)
                self._touched[name] = None

    def _state(self, name: str) -> Known:
        self._touched[name] = None
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = unpack(self._packed.pop(name), self.rates)
        return known

    # ------------------------------------------------------------------------------------------------ duplicates
    def is_duplicate(self, event_id: str) -> bool:
        """Say whether the event was among the last few thousand; remember it."""
        if event_id in self._seen:
            return True
        self._seen.add(event_id)
        newest = self._ids[-1]
        newest.append(event_id)
        self._dirty_segments.add(self._segment)
        if len(newest) >= _SEGMENT:
            self._begin_segment()
        return False

    def _begin_segment(self) -> None:
        self._segment += 1
        self._ids.append([])
        for forgotten in self._ids[:-_SEGMENTS]:
            self._seen.difference_update(forgotten)
        del self._ids[:-_SEGMENTS]

    # ------------------------------------------------------------------------------------------------ settings
    def configure(self, values: Mapping[str, float]) -> None:
        """Set numbers of the detector from here on."""
        self.values.update(values)
        self._settle()

    def set_rule(self, rule: str, value: float | None) -> None:
        """Set or remove a gate."""
        if value is None:
            self.rules.pop(rule, None)
        else:
            self.rules[rule] = value
        self._dirty_settings = True

    def mute(self, fingerprint: str, until: int) -> None:
        """Keep a fingerprint from opening anything until then."""
        self.mutes.pop(fingerprint, None)
        self.mutes[fingerprint] = until
        while len(self.mutes) > _MOST_MUTES:
            del self.mutes[next(iter(self.mutes))]
        self._dirty_settings = True

    def _settle(self) -> None:
        self.config = self._default.with_values(self.values)
        self.rates = rates(self.config)
        self._dirty_settings = True

    # ------------------------------------------------------------------------------------------------ snapshots
    def changed(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield the parts that changed since the last call, by name, in one order."""
        shards = sorted({shard_of(name) for name in self._touched})
        for name in self._touched:
            if name in self._known:
                self._packed[name] = pack(self._known[name])
        self._touched.clear()
        for shard in shards:
            entries = [[name, hashes, self._packed[name]] for name, hashes in self._shards[shard].items()]
            yield f"s{shard}", msgspec.msgpack.encode(entries)
        for segment in sorted(self._dirty_segments):
            index = segment - self._segment + len(self._ids) - 1
            if index >= 0:
                ring = segment % (_SEGMENTS + 1)
                yield f"e{ring}", msgspec.msgpack.encode([segment, self._ids[index]])
        self._dirty_segments.clear()
        if self._dirty_settings:
            self._dirty_settings = False
            yield "c", msgspec.msgpack.encode([self.values, self.rules, list(self.mutes.items())])

    @classmethod
    def restore(cls, parts: Mapping[str, bytes], config: DetectorConfig = DEFAULT) -> "Project":
        """Return the project whose parts `changed` gave, as if it had never stopped."""
        project = cls(config)
        if "c" in parts:
            project.values, project.rules, mutes = msgspec.msgpack.decode(parts["c"])
            project.mutes = dict(mutes)
            project._settle()
            project._dirty_settings = False
        segments: list[Any] = sorted(
            msgspec.msgpack.decode(value) for name, value in parts.items() if name.startswith("e")
        )
        if segments:
            project._segment = segments[-1][0]
            kept = [(number, ids) for number, ids in segments if number > project._segment - _SEGMENTS]
            project._ids = [ids for _, ids in kept]
            project._seen = {event_id for ids in project._ids for event_id in ids}
            if len(project._ids[-1]) >= _SEGMENT:
                project._begin_segment()
        for name in sorted((n for n in parts if n.startswith("s")), key=lambda n: int(n[1:])):
            shard = project._shards.setdefault(int(name[1:]), {})
            for fingerprint, hashes, packed in msgspec.msgpack.decode(parts[name]):
                shard[fingerprint] = hashes
                project._packed[fingerprint] = packed
                project._owners.update(dict.fromkeys(hashes, fingerprint))
        return project


def shard_of(fingerprint: str) -> int:
    """Return the shard of a fingerprint."""
    return crc32(fingerprint.encode()) % SHARDS
