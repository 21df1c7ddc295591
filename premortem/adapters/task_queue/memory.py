"""Task queues in memory: for tests."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from premortem.domain.ids import TaskId
from premortem.domain.tasks import MOST_RECEIVES, QUEUES, Task
from premortem.exceptions import Conflict
from premortem.ports import Received

_LOOK_SECONDS = 0.02


@dataclass
class _Held:
    task: Task
    queue: str
    visible_at: float
    receive_count: int = 0
    receipt: str = ""


class MemoryTaskQueue:
    """Tasks in a dict under one lock; `now` gives seconds."""

    def __init__(self, *, max_receives: int = MOST_RECEIVES + 1, now: Callable[[], float] = time.monotonic) -> None:
        self._max_receives, self._now = max_receives, now
        self._lock = Lock()
        self._tasks: dict[str, _Held] = {}
        self._accepted: set[str] = set()

    def send(self, tasks: Sequence[Task]) -> None:
        """Accept each task once."""
        with self._lock:
            for task in tasks:
                if task.id not in self._accepted:
                    self._accepted.add(task.id)
                    self._tasks[task.id] = _Held(task, QUEUES[type(task)], self._now())

    def forget(self, tasks: Sequence[TaskId]) -> None:
        """Accept what is on no queue once more."""
        with self._lock:
            self._accepted -= {task for task in tasks if task not in self._tasks}

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out visible tasks, oldest first; looks again now and then while it waits for one."""
        deadline = time.monotonic() + wait_seconds
        while not (received := self._receive(queue, limit, visibility_seconds)) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        return received

    def _receive(self, queue: str, limit: int, visibility_seconds: int) -> Sequence[Received]:
        received: list[Received] = []
        with self._lock:
            now = self._now()
            for held in list(self._tasks.values()):
                if held.queue != queue or held.visible_at > now or len(received) == limit:
                    continue
                if held.receive_count >= self._max_receives and not queue.endswith("-dlq"):
                    held.queue, held.receive_count, held.receipt = f"{queue}-dlq", 0, ""
                    continue
                held.receive_count += 1
                held.receipt = f"{held.task.id}:{held.receive_count}"
                held.visible_at = now + visibility_seconds
                received.append(Received(held.task, held.receipt, held.receive_count))
        return received

    def extend(self, queue: str, receipt: str, visibility_seconds: int) -> None:
        """Hide the task for longer."""
        with self._lock:
            held = self._by_receipt(queue, receipt)
            if held is None:
                raise Conflict("the receipt is no longer the newest: another worker holds the task.")
            held.visible_at = self._now() + visibility_seconds

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Remove the tasks whose receipts are the newest."""
        with self._lock:
            for receipt in receipts:
                held = self._by_receipt(queue, receipt)
                if held is not None:
                    del self._tasks[held.task.id]

    def depth(self, queue: str) -> int:
        """Return how many tasks the queue holds."""
        with self._lock:
            return sum(held.queue == queue for held in self._tasks.values())

    def bury(self, queue: str, received: Received) -> None:
        """Move the task to the dead-letter queue."""
        with self._lock:
            held = self._by_receipt(queue, received.receipt)
            if held is not None:
                held.queue, held.receive_count, held.receipt = f"{queue}-dlq", 0, ""
                held.visible_at = self._now()

    def redrive(self, queue: str, task: TaskId | None = None) -> int:
        """Move the dead tasks back."""
        with self._lock:
            now = self._now()
            dead = [h for h in self._tasks.values() if h.queue == f"{queue}-dlq" and h.visible_at <= now]
            dead = [held for held in dead if task in (None, held.task.id)]
            for held in dead:
                held.queue, held.receive_count, held.receipt = queue, 0, ""
        return len(dead)

    def _by_receipt(self, queue: str, receipt: str) -> _Held | None:
        found = (held for held in self._tasks.values() if held.receipt == receipt and held.queue == queue and receipt)
        return next(found, None)
