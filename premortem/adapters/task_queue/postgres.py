"""Task queues in PostgreSQL: `FOR UPDATE SKIP LOCKED`, timeouts by the database's clock."""

import time
from collections.abc import Sequence
from threading import Lock

from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain import tasks as domain
from premortem.domain.ids import TaskId
from premortem.domain.tasks import MOST_RECEIVES, QUEUES, Task
from premortem.exceptions import Conflict
from premortem.ports import Received

_LOOK_SECONDS = 0.25


class PostgresTaskQueue:
    """One table of tasks; the ids of all that were ever accepted in another."""

    def __init__(self, pool: Pool, *, max_receives: int = MOST_RECEIVES + 1) -> None:
        self._pool, self._max_receives = pool, max_receives
        self._look = _Look(pool)

    def send(self, tasks: Sequence[Task]) -> None:
        """Accept each task once."""
        if not tasks:
            return
        arrays = {
            "ids": [task.id for task in tasks],
            "queues": [QUEUES[type(task)] for task in tasks],
            "values": [domain.encode(task) for task in tasks],
        }
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "send"), arrays, binary=True)

    def forget(self, tasks: Sequence[TaskId]) -> None:
        """Accept what is on no queue once more."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "forget"), {"tasks": list(tasks)})

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out visible tasks, oldest first; whoever waits for one looks four times a second, all together."""
        if not wait_seconds:
            return self._receive(queue, limit, visibility_seconds)
        deadline = time.monotonic() + wait_seconds
        while True:
            received = self._receive(queue, limit, visibility_seconds) if self._look.finds(queue) else ()
            left = deadline - time.monotonic()
            if received or left <= 0:
                return list(received)
            time.sleep(min(left, _LOOK_SECONDS))

    def _receive(self, queue: str, limit: int, visibility_seconds: int) -> Sequence[Received]:
        arguments = {"queue": queue, "limit": limit, "seconds": visibility_seconds, "most": self._max_receives}
        with connected(self._pool) as connection:
            if not queue.endswith("-dlq"):
                connection.execute(statement(__file__, "bury"), arguments)
            with connection.cursor(binary=True) as cursor:
                rows = cursor.execute(statement(__file__, "receive"), arguments).fetchall()
        return [Received(domain.decode(value), receipt, count) for value, receipt, count in rows]

    def extend(self, queue: str, receipt: str, visibility_seconds: int) -> None:
        """Hide the task for longer."""
        arguments = {"queue": queue, "receipt": receipt, "seconds": visibility_seconds}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "extend"), arguments).rowcount != 1:
                raise Conflict("the receipt is no longer the newest: another worker holds the task.")

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Remove the tasks whose receipts are the newest."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "delete"), {"queue": queue, "receipts": list(receipts)})

    def depth(self, queue: str) -> int:
        """Return how many tasks the queue holds."""
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "depth"), {"queue": queue}).fetchone()
        return row[0] if row else 0

    def bury(self, queue: str, received: Received) -> None:
        """Move the task to the dead-letter queue."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "bury_one"), {"queue": queue, "receipt": received.receipt})

    def redrive(self, queue: str, task: TaskId | None = None) -> int:
        """Move the dead tasks back."""
        with connected(self._pool) as connection:
            return connection.execute(statement(__file__, "redrive"), {"queue": queue, "task": task}).rowcount


class _Look:
    """Which queues have a visible task, asked once for all that wait: so many queues cost no more than one."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._lock = pool, Lock()
        self._asked: dict[str, None] = {}
        self._found: set[str] = set()
        self._due = 0.0

    def finds(self, queue: str) -> bool:
        """Tell whether the queue had a visible task, a quarter of a second ago at most."""
        with self._lock:
            if queue not in self._asked or time.monotonic() >= self._due:
                self._asked[queue] = None
                with connected(self._pool) as connection:
                    rows = connection.execute(statement(__file__, "visible"), {"queues": list(self._asked)}).fetchall()
                self._found, self._due = {row[0] for row in rows}, time.monotonic() + _LOOK_SECONDS
            return queue in self._found
