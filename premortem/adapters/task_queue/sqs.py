"""Task queues in SQS: standard queues, long polling, redrive to the dead-letter queue by SQS itself.

What a standard queue does not promise, the ledger keeps (docs/adr/0010): a task happens once, old receipts do nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from premortem.adapters.task_queue.sqs_client import LONGEST_POLL_SECONDS, Client, translated
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.domain import tasks as domain
from premortem.domain.ids import TaskId
from premortem.domain.tasks import QUEUES, Task
from premortem.exceptions import Conflict, Unavailable
from premortem.ports import Received

_BATCH = 10
"""Entries of a batch, and messages of a receive. Source: SQS API Reference."""
Message = dict[str, Any]


class SqsTaskQueue:
    """Queues by name behind `prefix`. A receipt is the task's id and SQS's handle."""

    def __init__(self, client: Client, ledger: SqsLedger, *, prefix: str) -> None:
        self._client, self._ledger, self._prefix = client, ledger, prefix
        self._urls: dict[str, str] = {}

    def send(self, tasks: Sequence[Task]) -> None:
        """Send what was never sent; noted behind that, so that a crash in between sends twice, and loses nothing."""
        fresh = {task.id: task for task in tasks}
        for known in self._ledger.known(list(fresh)) if fresh else ():
            del fresh[known]
        by_queue: dict[str, list[Task]] = {}
        for task in fresh.values():
            by_queue.setdefault(QUEUES[type(task)], []).append(task)
        for queue, group in by_queue.items():
            for batch in _batches(group):
                bodies = [domain.encode(task).decode() for task in batch]
                failure, refused = self._batch("send_message_batch", queue, [{"MessageBody": body} for body in bodies])
                self._ledger.sent([task.id for number, task in enumerate(batch) if number not in refused])
                if failure:
                    raise failure

    def forget(self, tasks: Sequence[TaskId]) -> None:
        """Accept them once more; of two messages of one task the first that is received counts."""
        self._ledger.forget(tasks)

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out tasks; SQS itself waits for the first one (long polling)."""
        received: list[Received] = []
        try:
            self._receive(queue, limit, visibility_seconds, min(LONGEST_POLL_SECONDS, wait_seconds), received)
        except Unavailable:
            if not received:
                raise
            # What is claimed already belongs to the caller: thrown away it would stay hidden until its time is over.
        return received

    def _receive(self, queue: str, limit: int, visibility_seconds: int, wait: int, received: list[Received]) -> None:
        while len(received) < limit:
            messages = self._messages(queue, min(_BATCH, limit - len(received)), visibility_seconds, wait)
            wait = 0
            if not messages:
                break
            useless: list[str] = []
            for message in messages:
                found = self._claimed(queue, message, useless)
                if found is not None:
                    received.append(found)
            self._delete(queue, useless)
            if visibility_seconds == 0:
                break  # what was just handed out is visible again: asking on would hand it out for ever

    def extend(self, queue: str, receipt: str, visibility_seconds: int) -> None:
        """Hide the task for longer."""
        task, _, handle = receipt.partition(":")
        if not self._ledger.holds(TaskId(task), handle):
            raise Conflict("the receipt is no longer the newest: another worker holds the task.")
        with translated(queue):
            self._client.change_message_visibility(
                QueueUrl=self._url(queue), ReceiptHandle=handle, VisibilityTimeout=visibility_seconds
            )

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Note the tasks as done, then delete their messages: one that stays behind is dropped when it comes again."""
        parts = [receipt.partition(":") for receipt in receipts]
        self._delete(queue, [handle for task, _, handle in parts if self._ledger.finish(TaskId(task), handle)])

    def depth(self, queue: str) -> int:
        """Return how many messages the queue holds; SQS calls it approximate."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        with translated(queue):
            found = self._client.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=names)
        return sum(int(found["Attributes"].get(name, 0)) for name in names)

    def bury(self, queue: str, received: Received) -> None:
        """Send the task to the dead-letter queue, then delete its message; a crash in between leaves it in both."""
        task, _, handle = received.receipt.partition(":")
        if not self._ledger.holds(TaskId(task), handle):
            return
        with translated(queue):
            self._client.send_message(
                QueueUrl=self._url(f"{queue}-dlq"), MessageBody=domain.encode(received.task).decode()
            )
        self._delete(queue, [handle])
        self._ledger.release(received.task.id, handle)

    def redrive(self, queue: str, task: TaskId | None = None) -> int:
        """Send the tasks of the dead-letter queue back to `queue`; return how many went.

        Our own loop, since servers other than Amazon's cannot move messages. A crash within leaves a task in both
        queues; once it is done the other message is dropped.
        """
        dead, count = f"{queue}-dlq", 0
        others: list[str] = []
        while messages := self._messages(dead, _BATCH, 60, 0):
            for message in messages:
                found = _task(message)
                if found is None or task not in (None, found.id):
                    others.append(message["ReceiptHandle"])  # it stays where a person will look at it
                    continue
                self._ledger.release(found.id)  # before the new message is there, or whoever gets it would drop it
                with translated(queue):
                    self._client.send_message(QueueUrl=self._url(queue), MessageBody=message["Body"])
                self._delete(dead, [message["ReceiptHandle"]])
                count += 1
        self._show(dead, others)
        return count

    def _show(self, queue: str, handles: Sequence[str]) -> None:
        """Make messages that were only looked at visible again."""
        for handle in handles:
            with translated(queue):
                self._client.change_message_visibility(
                    QueueUrl=self._url(queue), ReceiptHandle=handle, VisibilityTimeout=0
                )

    def _claimed(self, queue: str, message: Message, useless: list[str]) -> Received | None:
        """Return the message as a task in the caller's hands, or None; what is of no use goes to `useless`."""
        handle, is_dead = message["ReceiptHandle"], queue.endswith("-dlq")
        task = _task(message)
        if task is None:
            if not is_dead:
                self._bury(queue, message)
                useless.append(handle)
            return None
        if not self._ledger.claim(task.id, message["MessageId"], handle, moved=is_dead):
            useless.append(handle)
            return None
        count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        return Received(task, f"{task.id}:{handle}", count)

    def _bury(self, queue: str, message: Message) -> None:
        """Put a message that is no task into the dead-letter queue, with the reason."""
        reason = {"DataType": "String", "StringValue": "not a task of Premortem"}
        with translated(queue):
            self._client.send_message(
                QueueUrl=self._url(f"{queue}-dlq"), MessageBody=message["Body"], MessageAttributes={"reason": reason}
            )

    def _messages(self, queue: str, limit: int, visibility_seconds: int, wait: int) -> list[Message]:
        with translated(queue):
            answer = self._client.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=limit,
                VisibilityTimeout=visibility_seconds,
                WaitTimeSeconds=wait,
                AttributeNames=["ApproximateReceiveCount"],
            )
        found: list[Message] = answer.get("Messages", [])
        return found

    def _delete(self, queue: str, handles: Sequence[str]) -> None:
        for batch in _batches(handles):
            failure, _ = self._batch("delete_message_batch", queue, [{"ReceiptHandle": handle} for handle in batch])
            if failure:
                raise failure

    def _batch(
        self, call: str, queue: str, entries: Sequence[dict[str, str]]
    ) -> tuple[Unavailable | None, frozenset[int]]:
        """Make a batch call; return what to raise and which entries failed, for SQS takes the others all the same."""
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        method: Callable[..., dict[str, Any]] = getattr(self._client, call)
        with translated(queue):
            answer = method(QueueUrl=self._url(queue), Entries=numbered)
        failed = answer.get("Failed") or ()
        if not failed:
            return None, frozenset()
        words = f"{len(failed)} of {len(entries)} failed: {failed[0].get('Code')} {failed[0].get('Message', '')}"
        return Unavailable(f"SQS, {queue}: {words}"), frozenset(int(entry["Id"]) for entry in failed)

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            with translated(queue):
                self._urls[queue] = self._client.get_queue_url(QueueName=self._prefix + queue)["QueueUrl"]
        return self._urls[queue]


def _task(message: Message) -> Task | None:
    try:
        task: Task = domain.decode(message["Body"])
    except msgspec.DecodeError:
        return None
    return task


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch
