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
        self._known: dict[tuple[Flow, int], int] = {}

    def load(self, flow: Flow, partition: int) -> Checkpoint:
        """Return the checkpoint."""
        with self._lock:
            place = flow, partition
            self._known[place] = self._offsets.get(place, 0)
            return Checkpoint(self._known[place], dict(self._state.get(place, {})))

    def lose(self) -> None:
        """Lose everything: for tests."""
        with self._lock:
            self._offsets.clear()
            self._state.clear()

    def save(self, flow: Flow, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
        """Store position and changed state."""
        with self._lock:
            place = flow, partition
            known, stored = self._known.get(place, 0), self._offsets.get(place, 0)
            if not known <= stored <= next_offset:
                raise Conflict(refused(flow, partition, next_offset, known, stored))
            self._offsets[place] = self._known[place] = next_offset
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


def refused(flow: Flow, partition: int, next_offset: int, known: int, stored: int) -> str:
    """Return what to say when somebody else has come further, or when what was stored is lost."""
    if stored < known:
        return (
            f"{flow}/{partition} was at offset {known}, and is stored at {stored}: positions and state were lost, or an"
            " older backup was restored. Start the dataflow anew: it goes on from what is stored."
        )
    return (
        f"{flow}/{partition} is at offset {stored}, and {next_offset} was to be saved: another worker of this dataflow "
        f"is alive. Stop one of the two."
    )
