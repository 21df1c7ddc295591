"""The ledger beside SQS: which message of a task counts, who holds it, and whether it is done.

SQS may hand a message out twice, takes a task twice, and lets an old receipt delete. A row a task makes a task happen
once all the same, in any order of crashes.
"""

from collections.abc import Sequence

from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain.ids import TaskId


class SqsLedger:
    """A table in PostgreSQL; every call is one short transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def known(self, tasks: Sequence[TaskId]) -> set[TaskId]:
        """Return which of the tasks were sent before."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "ledger_known"), {"tasks": list(tasks)}).fetchall()
        return {row[0] for row in rows}

    def sent(self, tasks: Sequence[TaskId]) -> None:
        """Note that the tasks are on their queues."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "ledger_sent"), {"tasks": list(tasks)})

    def forget(self, tasks: Sequence[TaskId]) -> None:
        """Know nothing of the tasks any more."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "ledger_forget"), {"tasks": list(tasks)})

    def claim(self, task: TaskId, message_id: str, receipt: str, *, moved: bool = False) -> bool:
        """Note who holds the task now; False when it is done, or when another message of the same task counts.

        `moved` = the message comes from a dead-letter queue, where it may have got another id.
        """
        arguments = {"task": task, "message": message_id, "receipt": receipt, "moved": moved}
        with connected(self._pool) as connection:
            return connection.execute(statement(__file__, "ledger_claim"), arguments).rowcount == 1

    def holds(self, task: TaskId, receipt: str) -> bool:
        """Tell whether the receipt is the newest one of a task that is not done."""
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "ledger_holds"), {"task": task, "receipt": receipt})
            return row.fetchone() is not None

    def finish(self, task: TaskId, receipt: str) -> bool:
        """Note that the task is done, when the receipt is the newest; return whether it is done by it."""
        with connected(self._pool) as connection:
            done = connection.execute(statement(__file__, "ledger_finish"), {"task": task, "receipt": receipt})
            return done.rowcount == 1

    def release(self, task: TaskId, receipt: str | None = None) -> None:
        """Let whichever message comes next carry the task, which goes to another queue in a new one; with `receipt`
        only when that is the newest.
        """
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "ledger_release"), {"task": task, "receipt": receipt})
