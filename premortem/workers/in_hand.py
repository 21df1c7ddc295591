"""In hand: the tasks that are worked on, each kept hidden from other workers for as long as that takes."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from premortem.exceptions import Conflict
from premortem.ports import Received, TaskQueue

_LOGGER = logging.getLogger(__name__)


class _Held:
    """A task, the lock under which it is extended, and when that is next due."""

    def __init__(self, queue: str, received: Received, now: float, every: float) -> None:
        self.queue, self.received = queue, received
        self.lock, self.let_go = Lock(), False
        self.since, self.due = now, now + every


class InHand:
    """The tasks that the threads of a worker hold; `keep` is called by a thread of its own, about once a second."""

    def __init__(
        self, tasks: TaskQueue, visibility_seconds: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tasks, self._visibility_seconds, self._monotonic = tasks, visibility_seconds, monotonic
        self._every = visibility_seconds / 3
        self._lock = Lock()
        self._held: dict[str, _Held] = {}

    @contextmanager
    def holding(self, queue: str, received: Received) -> Iterator[None]:
        """Keep the task hidden while the block lasts; behind it nothing touches its visibility any more."""
        held = _Held(queue, received, self._monotonic(), self._every)
        with self._lock:
            self._held[received.receipt] = held
        try:
            yield
        finally:
            with self._lock:
                del self._held[received.receipt]
            with held.lock:
                held.let_go = True

    def keep(self) -> None:
        """Extend the visibility of what is due. A task that another worker holds by now is worked on all the same: what
        comes of it is one fact.
        """
        for held in self._all():
            if self._monotonic() >= held.due:
                self._extend(held)

    def longest_seconds(self) -> float:
        """Return how long the oldest of them has been worked on; 0 = none is."""
        return max((self._monotonic() - held.since for held in self._all()), default=0.0)

    def __len__(self) -> int:
        return len(self._held)

    def _all(self) -> list[_Held]:
        with self._lock:
            return list(self._held.values())

    def _extend(self, held: _Held) -> None:
        task = held.received.task
        with held.lock:
            if held.let_go:
                return
            try:
                self._tasks.extend(held.queue, held.received.receipt, self._visibility_seconds)
                held.due = self._monotonic() + self._every
            except Conflict:
                _LOGGER.warning("%s: task %s was handed to another worker meanwhile", held.queue, task.id)
                held.due = float("inf")
            except Exception as problem:  # noqa: BLE001 -- the next round tries again; the others must be kept, too
                _LOGGER.warning("%s: task %s could not be kept hidden: %s", held.queue, task.id, problem)
