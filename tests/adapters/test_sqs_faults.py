"""What the task queues in SQS do about duplicates, expired receipts, strangers' messages and servers that are away."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.task_queue.sqs import SqsTaskQueue
from premortem.adapters.task_queue.sqs_client import Client, open_client
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.adapters.task_queue.sqs_queues import create_queues, describe_queues
from premortem.domain import tasks
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.tasks import BuildContext, task_id
from premortem.exceptions import Conflict, Malformed, Unavailable

QUEUE = "context-builder-tasks"


@dataclass
class World:
    client: Client
    ledger: SqsLedger
    prefix: str
    queue: SqsTaskQueue

    def url(self, name: str = QUEUE) -> str:
        return str(self.client.get_queue_url(QueueName=self.prefix + name)["QueueUrl"])


@pytest.fixture
def world(postgres_dsn: str, sqs_endpoint: str, sqs_prefix: str) -> Iterator[World]:
    pool = open_pool(postgres_dsn, size=2)
    client = open_client("eu-central-1", sqs_endpoint)
    create_queues(client, sqs_prefix, max_receives=2)
    ledger = SqsLedger(pool)
    yield World(client, ledger, sqs_prefix, SqsTaskQueue(client, ledger, prefix=sqs_prefix))
    client.close()
    pool.close()


def task(cause: str) -> BuildContext:
    return BuildContext(
        id=task_id(BuildContext, FactId(cause)),
        incident_id=IncidentId("i"),
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        caused_by=FactId(cause),
    )


def test_a_task_that_was_sent_twice_is_handed_out_once(world: World) -> None:
    body = tasks.encode(task("a")).decode()
    for _ in range(2):  # as a crash between sending and noting leaves it
        world.client.send_message(QueueUrl=world.url(), MessageBody=body)
    assert [received.task for received in world.queue.receive(QUEUE, 10, 60)] == [task("a")]
    assert world.queue.depth(QUEUE) == 1


def test_a_message_that_comes_back_after_its_task_was_done_is_dropped(world: World) -> None:
    world.queue.send([task("a")])
    (received,) = world.queue.receive(QUEUE, 1, 0)
    name, _, handle = received.receipt.partition(":")
    assert world.ledger.finish(received.task.id, handle)  # and then the process died
    assert name == received.task.id
    assert world.queue.receive(QUEUE, 1, 60) == []
    assert world.queue.depth(QUEUE) == 0


def test_a_worker_whose_time_was_over_can_neither_delete_nor_extend(world: World) -> None:
    world.queue.send([task("a")])
    (slow,) = world.queue.receive(QUEUE, 1, 0)
    (quick,) = world.queue.receive(QUEUE, 1, 60)
    world.queue.delete(QUEUE, [slow.receipt])
    with pytest.raises(Conflict):
        world.queue.extend(QUEUE, slow.receipt, 60)
    assert world.queue.depth(QUEUE) == 1
    world.queue.delete(QUEUE, [quick.receipt])
    assert world.queue.depth(QUEUE) == 0


def test_a_message_of_another_making_goes_to_the_dead_letters_and_its_neighbour_is_handed_out(world: World) -> None:
    world.client.send_message(QueueUrl=world.url(), MessageBody='{"kind": "Surprise"}')
    world.queue.send([task("a")])
    assert [received.task for received in world.queue.receive(QUEUE, 10, 60)] == [task("a")]
    assert world.queue.depth(f"{QUEUE}-dlq") == 1
    assert world.queue.receive(f"{QUEUE}-dlq", 10, 60) == []


def test_more_than_a_batch_goes_out_and_comes_back(world: World) -> None:
    world.queue.send([task(str(n)) for n in range(25)])
    received = world.queue.receive(QUEUE, 100, 60)
    assert {each.task.caused_by for each in received} == {str(n) for n in range(25)}
    world.queue.delete(QUEUE, [each.receipt for each in received])
    assert world.queue.depth(QUEUE) == 0


def test_a_dead_task_goes_back_to_its_queue_and_is_handed_out_again(world: World) -> None:
    world.queue.send([task("a")])
    for _ in range(3):
        world.queue.receive(QUEUE, 1, 0)
    assert world.queue.depth(f"{QUEUE}-dlq") == 1
    assert world.queue.redrive(QUEUE) == 1
    assert [received.task for received in world.queue.receive(QUEUE, 1, 60)] == [task("a")]


def test_a_queue_that_drifted_is_told_and_mended(world: World) -> None:
    world.client.set_queue_attributes(QueueUrl=world.url(), Attributes={"MessageRetentionPeriod": "60"})
    (state,) = [state for state in describe_queues(world.client, world.prefix) if state.problems]
    assert "forgets tasks" in state.problems[0]
    assert create_queues(world.client, world.prefix) == []
    assert not any(state.problems for state in describe_queues(world.client, world.prefix))


def test_a_missing_queue_is_named_with_the_command_that_creates_it(world: World) -> None:
    with pytest.raises(Malformed, match="premortem queues create"):
        SqsTaskQueue(world.client, world.ledger, prefix="nobody-made-").depth(QUEUE)


def test_a_server_that_is_away_is_unavailable(world: World) -> None:
    away = open_client("eu-central-1", "http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        SqsTaskQueue(away, world.ledger, prefix="").send([task("a")])
    away.close()
