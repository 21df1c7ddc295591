"""Queues that were deleted in SQS are made anew, and count as lost; those that are still there do not."""

import pytest

from premortem import bootstrap
from premortem.adapters.task_queue.sqs_client import open_client
from premortem.adapters.task_queue.sqs_queues import create_queues
from premortem.domain.tasks import QUEUES
from premortem.settings import Settings

QUEUE = "fix-tasks"


@pytest.fixture
def settings(postgres_dsn: str, sqs_endpoint: str, sqs_prefix: str) -> Settings:
    with_client = open_client("eu-central-1", sqs_endpoint)
    create_queues(with_client, sqs_prefix)
    with_client.close()
    return Settings(
        postgres_dsn=postgres_dsn, sqs_region="eu-central-1", sqs_endpoint=sqs_endpoint, sqs_queue_prefix=sqs_prefix
    )


def delete(settings: Settings, *names: str) -> None:
    client = open_client(settings.sqs_region, settings.sqs_endpoint)
    for name in names:
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=settings.sqs_queue_prefix + name)["QueueUrl"])
    client.close()


def test_what_was_deleted_is_there_again_and_only_that_counts_as_lost(settings: Settings) -> None:
    prefix = settings.sqs_queue_prefix
    assert bootstrap.remake_queues(settings).lost == ()
    delete(settings, QUEUE, f"{QUEUE}-dlq", "rca-tasks-dlq")
    found = bootstrap.remake_queues(settings)
    assert sorted(found.made) == sorted(f"queue {prefix}{name}" for name in (QUEUE, f"{QUEUE}-dlq", "rca-tasks-dlq"))
    assert found.lost == (QUEUE,)  # nothing was waited for on a dead-letter queue
    assert bootstrap.remake_queues(settings).made == ()


def test_queues_that_were_only_emptied_count_as_lost_when_somebody_says_so(settings: Settings) -> None:
    found = bootstrap.remake_queues(settings, emptied=True)
    assert (found.made, set(found.lost)) == ((), set(QUEUES.values()))
