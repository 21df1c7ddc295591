"""Queues: made and looked at."""

from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.worker_book.postgres import PostgresWorkerBook
from premortem.bootstrap.connecting import lend_pool
from premortem.domain.tasks import QUEUES
from premortem.ports import QueueState
from premortem.settings import Settings

READER_SECONDS = 60.0
"""A queue is read by whoever was heard of within this time; workers say something every ten seconds."""


def readers(settings: Settings) -> dict[str, int]:
    """Return, for every queue, how many workers read it."""
    with lend_pool(settings) as pool:
        found = PostgresWorkerBook(pool).readers(READER_SECONDS)
    return {queue: found.get(queue, 0) for queue in sorted(QUEUES.values())}


def make_queues(settings: Settings) -> list[str]:
    """Create the queues that are missing and return their names; those in PostgreSQL came with its schema."""
    if not settings.sqs_region:
        return []
    from premortem.adapters.task_queue import sqs_client, sqs_queues

    client = sqs_client.open_client(settings.sqs_region, settings.sqs_endpoint)
    return sqs_queues.create_queues(client, settings.sqs_queue_prefix)


def queues(settings: Settings) -> list[QueueState]:
    """Return every queue, also what is wrong with it."""
    if settings.sqs_region:
        from premortem.adapters.task_queue import sqs_client, sqs_queues

        client = sqs_client.open_client(settings.sqs_region, settings.sqs_endpoint)
        return sqs_queues.describe_queues(client, settings.sqs_queue_prefix)
    with lend_pool(settings) as pool:
        queue = PostgresTaskQueue(pool)
        return [
            QueueState(name=name, waiting=queue.depth(name), dead=queue.depth(f"{name}-dlq"))
            for name in sorted(QUEUES.values())
        ]
