"""Restoring: a store that was lost is made anew, empty, before a command fills it from the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from premortem.adapters.checkpoint_store import postgres as checkpoint_store
from premortem.adapters.lost_tables import remake_tables
from premortem.adapters.streams.refilling import Refilled, refill
from premortem.adapters.task_queue import postgres as postgres_queue
from premortem.bootstrap.connecting import lend_pool, require_running, task_queue_in
from premortem.bootstrap.lending import evidence, log_reader
from premortem.bootstrap.queueing import make_queues
from premortem.domain.tasks import QUEUES
from premortem.embedded import stack
from premortem.ports import TaskQueue
from premortem.settings import Settings


class RemadeQueues(Struct, frozen=True):
    """What was missing, and is there again; and the queues whose tasks may be gone."""

    made: tuple[str, ...]
    lost: tuple[str, ...]


def remake_queues(settings: Settings, *, emptied: bool = False) -> RemadeQueues:
    """Make the tables and queues that are missing. With `emptied` all queues count as lost, also those that are there.

    Queues in PostgreSQL count as lost in any case: they tell by themselves what they still hold.
    """
    with lend_pool(settings) as pool:
        tables = remake_tables(pool, postgres_queue.__file__)
    made = make_queues(settings)
    everything = emptied or not settings.sqs_region
    prefix = settings.sqs_queue_prefix
    lost = [queue for queue in sorted(QUEUES.values()) if everything or prefix + queue in made]
    return RemadeQueues((*(f"table {name}" for name in tables), *(f"queue {name}" for name in made)), tuple(lost))


class Begin(Struct, frozen=True):
    """Where a dataflow begins in a partition whose first records are gone."""

    partition: int
    offset: int


class RemadePositions(Struct, frozen=True):
    """Tables that were missing, and where `archive` begins now."""

    made: tuple[str, ...]
    archive: tuple[Begin, ...]


def remake_positions(settings: Settings) -> RemadePositions:
    """Make the tables of positions and state that are missing, and put `archive` where the log begins."""
    begins: list[Begin] = []
    with lend_pool(settings) as pool, log_reader(settings) as log:
        made = checkpoint_store.remake(pool)
        store = checkpoint_store.PostgresCheckpointStore(pool)
        for partition, low in enumerate(log.low_watermarks("sentry.payloads")):
            if store.load("archive", partition).next_offset < low:
                store.save("archive", partition, low, {})
                begins.append(Begin(partition, low))
    return RemadePositions(tuple(made), tuple(begins))


def remake_archive(settings: Settings) -> list[str]:
    """Make the tables of the evidence store that are missing, and return their names."""
    from premortem.migrate import MIGRATIONS, remake_clickhouse

    require_running(settings, settings.clickhouse_url)
    return remake_clickhouse(stack.resolve(settings).clickhouse_url, MIGRATIONS / "clickhouse")


def refill_archive(settings: Settings, progress: Callable[[int, int], None]) -> Refilled:
    """Archive every body that the log still holds, and compare the counts."""
    with log_reader(settings) as log, evidence(settings) as store:
        return refill(log, store, progress)


@contextmanager
def task_queue(settings: Settings) -> Iterator[TaskQueue]:
    """Lend the task queues for a command."""
    with lend_pool(settings) as pool:
        yield task_queue_in(settings, pool)
