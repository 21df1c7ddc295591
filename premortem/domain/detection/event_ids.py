"""Event ids: the last few thousand of a project, so that what arrives twice counts once."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_SEGMENT = 1024
_SEGMENTS = 4
"""Ids are remembered in segments, so that a snapshot writes only the ones that changed: 3,073 to 4,096 ids."""


class EventIds:
    """A window of ids in the order in which they are observed; `prefix` begins the names of its parts in snapshots."""

    def __init__(self, prefix: str = "ids-") -> None:
        self._prefix = prefix
        self._ids: list[list[str]] = [[]]
        self._seen: set[str] = set()
        """Every id in `_ids`."""
        self._segment = 0
        self._dirty: set[int] = set()

    def is_duplicate(self, event_id: str) -> bool:
        """Say whether the id was among the last few thousand; remember it."""
        if event_id in self._seen:
            return True
        self._seen.add(event_id)
        newest = self._ids[-1]
        newest.append(event_id)
        self._dirty.add(self._segment)
        if len(newest) >= _SEGMENT:
            self._begin_segment()
        return False

    def _begin_segment(self) -> None:
        self._segment += 1
        self._ids.append([])
        for forgotten in self._ids[:-_SEGMENTS]:
            self._seen.difference_update(forgotten)
        del self._ids[:-_SEGMENTS]

    def changed(self) -> Iterator[tuple[str, bytes]]:
        """Yield the segments that changed since the last call."""
        for segment in sorted(self._dirty):
            index = segment - self._segment + len(self._ids) - 1
            if index >= 0:
                yield f"{self._prefix}{segment % (_SEGMENTS + 1)}", msgspec.msgpack.encode([segment, self._ids[index]])
        self._dirty.clear()

    @classmethod
    def restore(cls, parts: Mapping[str, bytes], prefix: str = "ids-") -> "EventIds":
        """Return the window whose segments `changed` gave."""
        found = cls(prefix)
        segments: list[Any] = sorted(msgspec.msgpack.decode(v) for name, v in parts.items() if name.startswith(prefix))
        if segments:
            found._segment = segments[-1][0]
            found._ids = [ids for number, ids in segments if number > found._segment - _SEGMENTS]
            found._seen = {event_id for ids in found._ids for event_id in ids}
            if len(found._ids[-1]) >= _SEGMENT:
                found._begin_segment()
        return found
