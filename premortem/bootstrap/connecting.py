"""Connecting: every port with the adapter that the settings name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.event_log.postgres_appender import PostgresAppender
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams import crash
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.worker_book.postgres import PostgresWorkerBook
from premortem.embedded import stack
from premortem.exceptions import Conflict, Unavailable
from premortem.ports import (
    Administration,
    Appender,
    CheckpointStore,
    EventLog,
    EvidenceStore,
    IncidentStore,
    TaskQueue,
    WorkerBook,
)
from premortem.settings import Settings


@dataclass(frozen=True)
class Adapters:
    """Every port, connected."""

    event_log: EventLog
    checkpoint_store: CheckpointStore
    task_queue: TaskQueue
    incident_store: IncidentStore
    evidence_store: EvidenceStore
    administration: Administration
    worker_book: WorkerBook
    pool: Pool
    """For what is made of it only where the settings ask for it."""
    close: Callable[[], None]


def connect(settings: Settings, *, connections: int = 8) -> Adapters:
    """Return all adapters for the settings. Topics in PostgreSQL are created when they are missing; in Kafka a command
    does that, because a wrong prefix must not begin an empty log.

    Raises Unavailable when PostgreSQL or Kafka does not answer, Conflict when the log was made with other partitions.
    """
    resolved = stack.resolve(settings)
    evidence = ClickHouseEvidenceStore(resolved.clickhouse_url)
    with ExitStack() as opened:
        pool = opened.enter_context(closing(open_pool(resolved.postgres_dsn, size=connections)))
        event_log = opened.enter_context(lend_log(settings, pool, crash_points()))
        task_queue = task_queue_in(settings, pool)
        close = opened.pop_all().close

    def close_all() -> None:
        close()
        evidence.close()

    return Adapters(
        event_log=event_log,
        checkpoint_store=PostgresCheckpointStore(pool),
        task_queue=task_queue,
        incident_store=PostgresIncidentStore(pool),
        evidence_store=evidence,
        administration=PostgresAdministration(pool),
        worker_book=PostgresWorkerBook(pool),
        pool=pool,
        close=close_all,
    )


def appender(settings: Settings) -> Appender:
    """Return the log's writing end for an event loop; it connects when first used."""
    points = crash_points() if settings.crash_at else None
    if not settings.kafka_brokers:
        return PostgresAppender(stack.resolve(settings).postgres_dsn, crash=points)
    from premortem.adapters.event_log.kafka_appender import KafkaAppender

    return KafkaAppender(**kafka_words(settings), crash=points)


@contextmanager
def lend_log(settings: Settings, pool: Pool, crash: Callable[[str], None] | None = None) -> Iterator[EventLog]:
    """Lend the log that the settings name; Conflict when it was made with other partitions than they say."""
    if not settings.kafka_brokers:
        create_topics(pool, settings.partitions)
        yield PostgresEventLog(pool, crash=crash)
        return
    from premortem.adapters.event_log.kafka import KafkaEventLog

    with closing(KafkaEventLog(**kafka_words(settings), crash=crash)) as log:
        if (found := log.partitions("sentry.events")) != settings.partitions:
            raise Conflict(f"the topics have {found} partitions. Set PREMORTEM_PARTITIONS to that.")
        yield log


def task_queue_in(settings: Settings, pool: Pool) -> TaskQueue:
    """Return the queues that the settings name; what SQS cannot remember is kept in PostgreSQL."""
    if not settings.sqs_region:
        return PostgresTaskQueue(pool)
    from premortem.adapters.task_queue.sqs import SqsTaskQueue
    from premortem.adapters.task_queue.sqs_client import open_client
    from premortem.adapters.task_queue.sqs_ledger import SqsLedger

    client = open_client(settings.sqs_region, settings.sqs_endpoint)
    return SqsTaskQueue(client, SqsLedger(pool), prefix=settings.sqs_queue_prefix)


def kafka_words(settings: Settings) -> dict[str, Any]:
    """Return what every client of Kafka is made with."""
    from premortem.adapters.event_log.kafka_client import parse_options

    options = parse_options(settings.kafka_options)
    return {"brokers": settings.kafka_brokers, "options": options, "prefix": settings.kafka_topic_prefix}


def require_running(settings: Settings, own_address: str) -> None:
    """Raise Unavailable at once, with the mend, when the stack that a command needs is not up."""
    if not own_address and not stack.status(settings):
        raise Unavailable(f"nothing runs in {settings.data_dir}. Start it: premortem up.")


@contextmanager
def lend_pool(settings: Settings) -> Iterator[Pool]:
    """Lend a connection for a command. Raises Unavailable at once when the stack is down."""
    require_running(settings, settings.postgres_dsn)
    pool = open_pool(stack.resolve(settings).postgres_dsn, size=1)
    try:
        yield pool
    finally:
        pool.close()


def crash_points() -> Callable[[str], None]:
    """Return what is called at each named crash point: nothing happens there but in crash tests."""
    return crash.crash_points(Settings().crash_at)
