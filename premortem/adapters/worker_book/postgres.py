"""The book of workers in PostgreSQL: a row a worker, a row a queue; times by the database's clock."""

from collections.abc import Mapping, Sequence

from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain.work import WorkTally


class PostgresWorkerBook:
    """Two small tables."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def note(self, worker: str, queues: Sequence[str], tallies: Mapping[str, WorkTally]) -> None:
        """Write down that the worker lives, and add its tallies, in order of queue so that no two workers deadlock."""
        rows = [(queue, t.received, t.answered, t.deleted, t.retried, t.buried) for queue, t in sorted(tallies.items())]
        with connected(self._pool) as connection, connection.cursor() as cursor:
            cursor.execute(statement(__file__, "note"), {"worker": worker, "queues": list(queues)})
            cursor.executemany(statement(__file__, "add_tally"), rows)

    def leave(self, worker: str) -> None:
        """Forget the worker."""
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "leave"), {"worker": worker})

    def readers(self, within_seconds: float) -> Mapping[str, int]:
        """Return how many workers were heard of lately, by queue."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "readers"), {"seconds": within_seconds}).fetchall()
        return dict(rows)

    def tallies(self) -> Mapping[str, WorkTally]:
        """Return what became of tasks, by queue."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "tallies")).fetchall()
        return {
            queue: WorkTally(received=received, answered=answered, deleted=deleted, retried=retried, buried=buried)
            for queue, received, answered, deleted, retried, buried in rows
        }
