"""Task queues in PostgreSQL: `FOR UPDATE SKIP LOCKED`, timeouts by the database's clock."""

import time
from collections.abc import Sequence

from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain import tasks as domain
from premortem.domain.tasks import QUEUES, Task
from premortem.exceptions import Conflict
from premortem.ports import Received

_LOOK_SECONDS = 0.25


class PostgresTaskQueue:
    """One table of tasks; the ids of all that were ever accepted in another."""

    def __init__(self, pool: Pool, *, max_receives: int = 5) -> None:
        self._pool, self._max_receives = pool, max_receives

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

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out visible tasks, oldest first; looks again every quarter of a second while it waits for one."""
        deadline = time.monotonic() + wait_seconds
        while not (received := self._receive(queue, limit, visibility_seconds)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, _LOOK_SECONDS))
        return received

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

    def redrive(self, queue: str) -> int:
        """Move the dead tasks back."""
        with connected(self._pool) as connection:
            return connection.execute(statement(__file__, "redrive"), {"queue": queue}).rowcount
