"""Queues in SQS: made with their dead-letter queues, and looked at for what would lose a task."""

import json
from typing import Any

from premortem.adapters.task_queue.sqs_client import Client, translated
from premortem.domain.tasks import MOST_RECEIVES, QUEUES
from premortem.exceptions import Malformed
from premortem.ports import QueueState

MAX_RECEIVES = MOST_RECEIVES + 1
_KEPT_SECONDS = 14 * 86_400
"""The longest that SQS keeps a message."""
_ATTRIBUTES = {"MessageRetentionPeriod": str(_KEPT_SECONDS), "VisibilityTimeout": "60"}
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def create_queues(client: Client, prefix: str, max_receives: int = MAX_RECEIVES) -> list[str]:
    """Create the queues that are missing, each with its `-dlq`, and return their names.

    Attributes of those that are there are set to what the product needs: none of them loses a message.
    """
    made = []
    for queue in sorted(QUEUES.values()):
        dead = f"{prefix}{queue}-dlq"
        made += _ensure(client, dead, {"MessageRetentionPeriod": str(_KEPT_SECONDS)})
        policy = {"deadLetterTargetArn": _arn(client, dead), "maxReceiveCount": str(max_receives)}
        made += _ensure(client, prefix + queue, {**_ATTRIBUTES, "RedrivePolicy": json.dumps(policy)})
    return made


def describe_queues(client: Client, prefix: str, max_receives: int = MAX_RECEIVES) -> list[QueueState]:
    """Return every queue as it stands on the server, in order of name, with what is wrong with it."""
    return [_describe(client, prefix + queue, max_receives) for queue in sorted(QUEUES.values())]


def _describe(client: Client, name: str, max_receives: int) -> QueueState:
    try:
        found, dead = _attributes(client, name), _attributes(client, f"{name}-dlq")
    except Malformed as missing:
        return QueueState(name=name, waiting=0, dead=0, problems=(str(missing),))
    problems = []
    policy = json.loads(found.get("RedrivePolicy") or "{}")
    if policy.get("deadLetterTargetArn") != dead.get("QueueArn"):
        problems.append(f"{name} does not redrive to {name}-dlq. Run: premortem queues create.")
    elif (tries := int(policy.get("maxReceiveCount", 0))) != max_receives:
        problems.append(
            f"{name} gives a task up after {tries} attempts, not {max_receives}. Run: premortem queues create."
        )
    for queue, attributes in ((name, found), (f"{name}-dlq", dead)):
        if int(attributes.get("MessageRetentionPeriod", _KEPT_SECONDS)) < _KEPT_SECONDS:
            problems.append(f"{queue} forgets tasks before 14 days. Run: premortem queues create.")
    return QueueState(name=name, waiting=_count(found), dead=_count(dead), problems=tuple(problems))


def _ensure(client: Client, name: str, attributes: dict[str, str]) -> list[str]:
    """Create the queue, or set its attributes when it is there; return its name when it is new."""
    try:
        url = _url(client, name)
    except Malformed:
        with translated(name):
            client.create_queue(QueueName=name, Attributes=attributes)
        return [name]
    with translated(name):
        client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return []


def _url(client: Client, name: str) -> str:
    with translated(name):
        return str(client.get_queue_url(QueueName=name)["QueueUrl"])


def _attributes(client: Client, name: str) -> dict[str, Any]:
    url = _url(client, name)
    with translated(name):
        found: dict[str, Any] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def _arn(client: Client, name: str) -> str:
    return str(_attributes(client, name)["QueueArn"])


def _count(attributes: dict[str, Any]) -> int:
    return sum(int(attributes.get(name, 0)) for name in _COUNTS)
