"""Real task queues for the world of the dataflows, each with the way in which everything in it may be lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.task_queue.sqs import SqsTaskQueue
from premortem.adapters.task_queue.sqs_client import open_client
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.adapters.task_queue.sqs_queues import create_queues
from premortem.domain.tasks import QUEUES
from premortem.ports import TaskQueue

KINDS = ("memory", "postgres", "sqs")


@dataclass(frozen=True)
class LosableQueue:
    """Queues, and what loses them with all that is in them."""

    queue: TaskQueue
    lose: Callable[[], None]


def lose_memory(queue: MemoryTaskQueue) -> None:
    """Forget every task, though not which ones were ever accepted."""
    queue._tasks.clear()


def losable(kind: str, request: pytest.FixtureRequest) -> Iterator[LosableQueue]:
    """Yield the queues of one kind, empty."""
    if kind == "memory":
        memory = MemoryTaskQueue()
        yield LosableQueue(memory, lambda: lose_memory(memory))
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    if kind == "postgres":

        def truncate() -> None:
            with pool.connection() as connection:
                connection.execute(b"TRUNCATE tasks")

        yield LosableQueue(PostgresTaskQueue(pool), truncate)
        pool.close()
        return
    client = open_client("eu-central-1", request.getfixturevalue("sqs_endpoint"))
    prefix = request.getfixturevalue("sqs_prefix")
    create_queues(client, prefix)

    def delete_and_create() -> None:
        for queue in QUEUES.values():
            for name in (queue, f"{queue}-dlq"):
                client.delete_queue(QueueUrl=client.get_queue_url(QueueName=prefix + name)["QueueUrl"])
        create_queues(client, prefix)

    yield LosableQueue(SqsTaskQueue(client, SqsLedger(pool), prefix=prefix), delete_and_create)
    client.close()
    pool.close()
