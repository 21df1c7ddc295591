"""Checkpoints in memory: for tests and for replaying without a database."""

from collections.abc import Mapping
from threading import Lock

from premortem.exceptions import Conflict
from premortem.ports import Checkpoint, Flow


class MemoryCheckpointStore:
    """Dicts under one lock; gone with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offsets: dict[tuple[Flow, int], int] = {}
        self._state: dict[tuple[Flow, int], dict[str, bytes]] = {}

    def load(self, flow: Flow, partition: int) -> Checkpoint:
        """Return the checkpoint."""
        with self._lock:
            place = flow, partition
            return Checkpoint(self._offsets.get(place, 0), dict(self._state.get(place, {})))

    def save(self, flow: Flow, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
        """Store position and changed state."""
        with self._lock:
            place = flow, partition
            if next_offset < self._offsets.get(place, 0):
                raise Conflict(older(flow, partition, next_offset, self._offsets[place]))
            self._offsets[place] = next_offset
            state = self._state.setdefault(place, {})
            for name, value in changed.items():
                if value is None:
                    state.pop(name, None)
                else:
                    state[name] = value

    def positions(self) -> Mapping[tuple[Flow, int], int]:
        """Return the next offset per flow and partition."""
        with self._lock:
            return dict(self._offsets)

    def parts(self, name: str) -> Mapping[tuple[Flow, int], bytes]:
        """Return one part of every state."""
        with self._lock:
            return {place: state[name] for place, state in self._state.items() if name in state}


def older(flow: Flow, partition: int, next_offset: int, stored: int | None) -> str:
    """Return what to say when somebody else has come further."""
    return (
        f"{flow}/{partition} is at offset {stored}, and {next_offset} was to be saved: another worker of this dataflow "
        f"is alive. Stop one of the two."
    )
