"""What the task queues in SQS do about duplicates, expired receipts, strangers' messages and servers that are away."""

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from premortem.adapters.postgres import open_pool
from premortem.adapters.streams.patience import Patience
from premortem.adapters.task_queue.sqs import SqsTaskQueue
from premortem.adapters.task_queue.sqs_client import Client, open_client
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.adapters.task_queue.sqs_queues import create_queues, describe_queues
from premortem.domain import tasks
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.tasks import BuildContext, task_id
from premortem.exceptions import Conflict, Malformed, Unavailable
from tests.maven import jars
from tests.sqs_fixture import ElasticMq
from tests.tcp_proxy import TcpProxy

QUEUE = "context-builder-tasks"


@dataclass
class World:
    client: Client
    ledger: SqsLedger
    prefix: str
    queue: SqsTaskQueue

    def url(self, name: str = QUEUE) -> str:
        return str(self.client.get_queue_url(QueueName=self.prefix + name)["QueueUrl"])

    def arn(self, name: str) -> str:
        found = self.client.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])


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


@pytest.mark.parametrize(
    ("queue", "attributes", "told"),
    [
        (QUEUE, {"MessageRetentionPeriod": "60"}, "QUEUE forgets tasks before 14 days"),
        (f"{QUEUE}-dlq", {"MessageRetentionPeriod": "60"}, "QUEUE-dlq forgets tasks before 14 days"),
        (QUEUE, {"RedrivePolicy": ""}, "QUEUE does not redrive to QUEUE-dlq"),
        (QUEUE, {"RedrivePolicy": ("fix-tasks-dlq", 2)}, "QUEUE does not redrive to QUEUE-dlq"),
        (QUEUE, {"RedrivePolicy": (f"{QUEUE}-dlq", 1000)}, "QUEUE gives a task up after 1000 attempts, not 2"),
    ],
)
def test_a_queue_that_drifted_is_told_and_mended(
    world: World, queue: str, attributes: dict[str, Any], told: str
) -> None:
    if isinstance(policy := attributes.get("RedrivePolicy"), tuple):
        attributes = {
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": world.arn(policy[0]), "maxReceiveCount": policy[1]})
        }
    world.client.set_queue_attributes(QueueUrl=world.url(queue), Attributes=attributes)
    (state,) = [state for state in describe_queues(world.client, world.prefix, 2) if state.problems]
    name = world.prefix + QUEUE
    assert state.problems == (f"{told.replace('QUEUE', name)}. Run: premortem queues create.",)
    assert create_queues(world.client, world.prefix, 2) == []
    assert not any(state.problems for state in describe_queues(world.client, world.prefix, 2))


def test_a_missing_queue_is_named_with_the_command_that_creates_it(world: World) -> None:
    with pytest.raises(Malformed, match="premortem queues create"):
        SqsTaskQueue(world.client, world.ledger, prefix="nobody-made-").depth(QUEUE)


class Wire:
    """What happens to requests on their way: the client's own hooks around the exchange with a real server.

    Answers are those of the SQS API Reference: a throttled request is an HTTP 400 with `RequestThrottled`, and a batch
    is answered with 200 and the entries that failed.
    """

    def __init__(self, client: Client) -> None:
        self._events = client.meta.events

    def throttle(self, times: int) -> list[str]:
        """Refuse so many requests; return the list to which each refused one is added."""
        refused: list[str] = []

        def before(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
            if len(refused) >= times:
                return None
            refused.append(str(request.headers["X-Amz-Target"]))
            words = b'{"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}'
            return answer(request.url, 400, words)

        self._events.register("before-send.sqs", before)
        return refused

    def fail_first_entry(self, call: str) -> None:
        """Let the first entry of the next batch not arrive, and the answer say so."""
        dropped: list[str] = []

        def before(request: AWSPreparedRequest, **_: Any) -> None:
            if not dropped:
                body = json.loads(request.body)
                dropped.append(body["Entries"].pop(0)["Id"])
                request.body = json.dumps(body).encode()
                request.headers["Content-Length"] = str(len(request.body))

        def after(parsed: dict[str, Any], **_: Any) -> None:
            if dropped and dropped[0]:
                failed = {"Id": dropped[0], "SenderFault": False, "Code": "InternalError", "Message": "try again"}
                parsed["Failed"] = [*parsed.get("Failed", ()), failed]
                dropped[0] = ""

        self._events.register(f"before-send.sqs.{call}", before)
        self._events.register(f"after-call.sqs.{call}", after)

    def lose_first_answer(self, call: str) -> None:
        """Let the next request arrive and be done, and its connection break before the answer is here."""
        lost: list[str] = []

        def before(request: AWSPreparedRequest, **_: Any) -> None:
            if not lost:
                lost.append(request.url)
                URLLib3Session().send(request)
                raise ConnectionClosedError(endpoint_url=request.url)

        self._events.register(f"before-send.sqs.{call}", before)


def answer(url: str, status: int, body: bytes) -> AWSResponse:
    """Return an HTTP answer as the client's own transport would."""
    raw = HTTPResponse(body=io.BytesIO(body), status=status, preload_content=False)
    raw.stream = lambda *_, **__: iter([body])  # type: ignore[method-assign]
    return AWSResponse(url, status, {"content-type": "application/x-amz-json-1.0"}, raw)


def test_a_throttled_request_is_made_again(world: World) -> None:
    refused = Wire(world.client).throttle(2)
    world.queue.send([task("a")])
    assert len(refused) == 2
    assert world.queue.depth(QUEUE) == 1


def test_a_queue_that_stays_throttled_is_unavailable_and_takes_the_task_later(world: World) -> None:
    refused = Wire(world.client).throttle(3)
    with pytest.raises(Unavailable, match="RequestThrottled"):
        world.queue.send([task("a")])
    assert len(refused) == 3
    world.queue.send([task("a")])
    assert [received.task for received in world.queue.receive(QUEUE, 10, 60)] == [task("a")]


def test_of_a_batch_that_was_taken_in_part_only_the_rest_is_sent_again(world: World) -> None:
    Wire(world.client).fail_first_entry("SendMessageBatch")
    batch = [task(str(n)) for n in range(3)]
    with pytest.raises(Unavailable, match="1 of 3 failed: InternalError"):
        world.queue.send(batch)
    world.queue.send(batch)
    assert world.queue.depth(QUEUE) == 3
    assert {each.task.caused_by for each in world.queue.receive(QUEUE, 10, 60)} == {"0", "1", "2"}


def test_a_message_that_could_not_be_deleted_is_not_handed_out_again(world: World) -> None:
    world.queue.send([task("a"), task("b")])
    received = world.queue.receive(QUEUE, 10, 1)
    Wire(world.client).fail_first_entry("DeleteMessageBatch")
    with pytest.raises(Unavailable, match="1 of 2 failed"):
        world.queue.delete(QUEUE, [each.receipt for each in received])
    time.sleep(1.1)
    assert world.queue.receive(QUEUE, 10, 60) == []
    assert world.queue.depth(QUEUE) == 0


def test_a_task_whose_answer_was_lost_with_its_connection_happens_once(world: World) -> None:
    Wire(world.client).lose_first_answer("SendMessageBatch")
    world.queue.send([task("a")])
    assert world.queue.depth(QUEUE) == 2
    assert len(world.queue.receive(QUEUE, 10, 60)) == 1
    assert world.queue.depth(QUEUE) == 1


def test_tasks_in_hand_are_kept_when_the_server_goes_away_before_there_are_more(world: World) -> None:
    world.queue.send([task(str(n)) for n in range(12)])
    gone: list[str] = []

    def before(request: AWSPreparedRequest, **_: Any) -> None:
        gone.append(request.url)
        if len(gone) > 1:
            raise EndpointConnectionError(endpoint_url=request.url)

    world.client.meta.events.register("before-send.sqs.ReceiveMessage", before)
    assert len(world.queue.receive(QUEUE, 12, 60)) == 10


def test_connections_cut_all_the_time_lose_no_task_and_do_none_twice(world: World, sqs_endpoint: str) -> None:
    proxy = TcpProxy(int(sqs_endpoint.rpartition(":")[2]))
    client = open_client("eu-central-1", f"http://127.0.0.1:{proxy.port}")
    queue = SqsTaskQueue(client, world.ledger, prefix=world.prefix)
    done: list[str] = []
    patience = Patience(threading.Event())
    for number in range(30):
        cutter = threading.Timer(0.001 * number, proxy.cut)
        cutter.start()
        patience(partial(queue.send, [task(str(number))]))
        for received in patience(partial(queue.receive, QUEUE, 10, 3)):
            patience(partial(queue.delete, QUEUE, [received.receipt]))
            done.append(str(received.task.caused_by))
        cutter.join()
    time.sleep(3.1)
    done += [str(received.task.caused_by) for received in world.queue.receive(QUEUE, 40, 60)]
    client.close()
    proxy.close()
    assert sorted(done) == sorted(str(number) for number in range(30))


def test_the_server_of_the_compose_file_keeps_queues_and_tasks_across_a_kill(postgres_dsn: str, tmp_path: Path) -> None:
    server = ElasticMq(tmp_path, jars("elasticmq"))
    with closing(server), closing(open_pool(postgres_dsn, size=2)) as pool:
        server.start()
        with closing(open_client("eu-central-1", server.endpoint)) as client:
            create_queues(client, "", max_receives=2)
            queue = SqsTaskQueue(client, SqsLedger(pool), prefix="")
            queue.send([task(str(number)) for number in range(25)])
            server.close()
            with pytest.raises(Unavailable):
                queue.depth(QUEUE)
            server.start()
            assert {str(received.task.caused_by) for received in queue.receive(QUEUE, 40, 60)} == {
                str(number) for number in range(25)
            }


def test_a_server_that_is_away_is_unavailable(world: World) -> None:
    away = open_client("eu-central-1", "http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        SqsTaskQueue(away, world.ledger, prefix="").send([task("a")])
    away.close()
