"""Every task queue keeps the promise of `ports.TaskQueue`."""

import threading
import time
from collections.abc import Iterator

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.task_queue.sqs import SqsTaskQueue
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.tasks import BuildContext, ProposeFix, task_id
from premortem.exceptions import Conflict
from premortem.ports import TaskQueue

QUEUE = "context-builder-tasks"


@pytest.fixture(params=["memory", "postgres", "sqs-moto", "sqs-elasticmq"])
def queue(request: pytest.FixtureRequest) -> Iterator[TaskQueue]:
    if request.param == "memory":
        yield MemoryTaskQueue(max_receives=2)
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    if request.param == "postgres":
        yield PostgresTaskQueue(pool, max_receives=2)
    else:
        moto = request.param == "sqs-moto"
        endpoint = request.getfixturevalue("sqs_endpoint") if moto else request.getfixturevalue("elasticmq").endpoint
        client, prefix = request.getfixturevalue("sqs_queues")(endpoint)
        yield SqsTaskQueue(client, SqsLedger(pool), prefix=prefix)
    pool.close()


def build_context(cause: str) -> BuildContext:
    return BuildContext(
        id=task_id(BuildContext, FactId(cause)),
        incident_id=IncidentId("i"),
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        caused_by=FactId(cause),
    )


def test_a_sent_task_is_handed_out_whole_and_then_hidden(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    (received,) = queue.receive(QUEUE, 10, 60)
    assert (received.task, received.receive_count) == (build_context("a"), 1)
    assert queue.receive(QUEUE, 10, 60) == []
    assert queue.depth(QUEUE) == 1


def test_a_task_goes_to_the_queue_of_its_kind(queue: TaskQueue) -> None:
    fix = ProposeFix(
        id=task_id(ProposeFix, FactId("a")),
        incident_id=IncidentId("i"),
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        caused_by=FactId("a"),
    )
    queue.send([fix, build_context("a")])
    assert [r.task for r in queue.receive("fix-tasks", 10, 60)] == [fix]


def test_a_task_id_is_accepted_once_even_after_its_deletion(queue: TaskQueue) -> None:
    queue.send([build_context("a"), build_context("a")])
    (received,) = queue.receive(QUEUE, 10, 60)
    queue.delete(QUEUE, [received.receipt])
    queue.send([build_context("a")])
    assert queue.depth(QUEUE) == 0


def test_a_task_that_went_down_with_its_queue_is_accepted_again_once_its_id_is_forgotten(queue: TaskQueue) -> None:
    queue.send([build_context("a"), build_context("b")])
    for received in queue.receive(QUEUE, 10, 60):
        queue.delete(QUEUE, [received.receipt])
    queue.forget([build_context("a").id])
    queue.send([build_context("a"), build_context("b")])
    assert [received.task for received in queue.receive(QUEUE, 10, 60)] == [build_context("a")]


def test_a_forgotten_task_that_is_on_its_queue_after_all_is_handed_out_once(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    queue.forget([build_context("a").id])
    queue.send([build_context("a")])
    (received,) = queue.receive(QUEUE, 10, 60)
    queue.delete(QUEUE, [received.receipt])
    assert queue.receive(QUEUE, 10, 60) == []
    assert queue.depth(QUEUE) == 0


def test_an_unfinished_task_comes_back_when_its_time_is_over(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    queue.receive(QUEUE, 1, 0)
    (again,) = queue.receive(QUEUE, 1, 60)
    assert again.receive_count == 2


def test_a_task_received_too_often_moves_to_the_dead_letter_queue(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    queue.receive(QUEUE, 1, 0)
    queue.receive(QUEUE, 1, 0)
    assert queue.receive(QUEUE, 1, 0) == []
    assert queue.depth(QUEUE) == 0
    (dead,) = queue.receive(f"{QUEUE}-dlq", 1, 60)
    assert dead.task == build_context("a")


def test_dead_tasks_go_back_to_their_queue_with_all_attempts_before_them(queue: TaskQueue) -> None:
    queue.send([build_context("a"), build_context("b")])
    for _ in range(3):
        queue.receive(QUEUE, 2, 0)
    assert queue.depth(f"{QUEUE}-dlq") == 2
    assert queue.redrive(QUEUE) == 2
    assert queue.redrive(QUEUE) == 0
    assert {received.task.caused_by for received in queue.receive(QUEUE, 2, 0)} == {"a", "b"}
    again = queue.receive(QUEUE, 2, 60)
    assert [received.receive_count for received in again] == [2, 2]
    queue.delete(QUEUE, [received.receipt for received in again])
    assert (queue.depth(QUEUE), queue.depth(f"{QUEUE}-dlq")) == (0, 0)


def test_one_dead_task_goes_back_alone_and_the_others_stay_to_be_seen(queue: TaskQueue) -> None:
    queue.send([build_context("a"), build_context("b")])
    for received in queue.receive(QUEUE, 2, 60):
        queue.bury(QUEUE, received)
    assert queue.redrive(QUEUE, build_context("nobody").id) == 0
    assert queue.redrive(QUEUE, build_context("b").id) == 1
    assert [received.task for received in queue.receive(QUEUE, 2, 60)] == [build_context("b")]
    assert [received.task for received in queue.receive(f"{QUEUE}-dlq", 2, 60)] == [build_context("a")]


def test_a_buried_task_is_dead_at_once_and_starts_anew_when_it_goes_back(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    (received,) = queue.receive(QUEUE, 1, 60)
    queue.bury(QUEUE, received)
    assert (queue.depth(QUEUE), queue.depth(f"{QUEUE}-dlq")) == (0, 1)
    queue.bury(QUEUE, received)
    queue.send([build_context("a")])
    assert (queue.depth(QUEUE), queue.depth(f"{QUEUE}-dlq")) == (0, 1)
    assert queue.redrive(QUEUE) == 1
    (again,) = queue.receive(QUEUE, 1, 60)
    assert (again.task, again.receive_count) == (build_context("a"), 1)


def test_a_stale_receipt_neither_deletes_nor_extends_nor_buries(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    (first,) = queue.receive(QUEUE, 1, 0)
    queue.receive(QUEUE, 1, 60)
    queue.delete(QUEUE, [first.receipt])
    queue.bury(QUEUE, first)
    assert (queue.depth(QUEUE), queue.depth(f"{QUEUE}-dlq")) == (1, 0)
    with pytest.raises(Conflict):
        queue.extend(QUEUE, first.receipt, 60)


def test_extending_keeps_a_task_hidden(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    (received,) = queue.receive(QUEUE, 1, 2)
    queue.extend(QUEUE, received.receipt, 60)
    time.sleep(2.1)
    assert queue.receive(QUEUE, 1, 1) == []


def test_no_more_tasks_are_handed_out_than_asked_for(queue: TaskQueue) -> None:
    queue.send([build_context(str(n)) for n in range(5)])
    assert len(queue.receive(QUEUE, 3, 60)) == 3
    assert len(queue.receive(QUEUE, 3, 60)) == 2


def test_a_receive_that_waits_returns_when_a_task_is_sent_meanwhile(queue: TaskQueue) -> None:
    sender = threading.Timer(0.5, queue.send, [[build_context("a")]])
    begun = time.monotonic()
    sender.start()
    received = queue.receive(QUEUE, 10, 60, wait_seconds=20)
    seconds = time.monotonic() - begun
    sender.join()
    assert [each.task for each in received] == [build_context("a")]
    assert 0.4 < seconds < 15


def test_a_receive_that_waits_in_vain_waits_as_long_as_it_was_asked_to(queue: TaskQueue) -> None:
    begun = time.monotonic()
    assert queue.receive(QUEUE, 10, 60, wait_seconds=1) == []
    assert 0.9 < time.monotonic() - begun < 15


def test_a_task_that_is_there_is_not_waited_for_nor_is_one_that_nobody_wants_to_wait_for(queue: TaskQueue) -> None:
    queue.send([build_context("a")])
    begun = time.monotonic()
    assert len(queue.receive(QUEUE, 10, 60, wait_seconds=20)) == 1
    assert queue.receive(QUEUE, 10, 60) == []
    assert time.monotonic() - begun < 15
