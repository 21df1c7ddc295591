"""The book of workers in memory: for tests."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from premortem.domain.work import WorkTally

_FORGOTTEN_SECONDS = 86_400.0


class MemoryWorkerBook:
    """Dicts under one lock; `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._seen: dict[str, tuple[tuple[str, ...], float]] = {}
        self._tallies: dict[str, WorkTally] = {}

    def note(self, worker: str, queues: Sequence[str], tallies: Mapping[str, WorkTally]) -> None:
        """Write down that the worker lives, and add its tallies."""
        with self._lock:
            now = self._now()
            self._seen[worker] = tuple(queues), now
            for name in [name for name, (_, at) in self._seen.items() if now - at > _FORGOTTEN_SECONDS]:
                del self._seen[name]
            for queue, tally in tallies.items():
                self._tallies[queue] = self._tallies.get(queue, WorkTally()) + tally

    def leave(self, worker: str) -> None:
        """Forget the worker."""
        with self._lock:
            self._seen.pop(worker, None)

    def readers(self, within_seconds: float) -> Mapping[str, int]:
        """Return how many workers were heard of lately, by queue."""
        found: dict[str, int] = {}
        with self._lock:
            for queues, at in self._seen.values():
                if self._now() - at <= within_seconds:
                    for queue in queues:
                        found[queue] = found.get(queue, 0) + 1
        return found

    def tallies(self) -> Mapping[str, WorkTally]:
        """Return what became of tasks, by queue."""
        with self._lock:
            return dict(self._tallies)
