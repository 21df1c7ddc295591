"""Wiring: the only file that names adapters. Everything above gets ports, everything below knows no settings."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.clock import scaled
from premortem.adapters.clock.system import SystemClock
from premortem.adapters.event_log.copying import Progress, copy_log
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.event_log.postgres_appender import PostgresAppender
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore, require_version
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams import crash
from premortem.adapters.streams.parts import SOURCES as SOURCES
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.domain.ids import TenantId
from premortem.domain.tasks import QUEUES
from premortem.embedded import data_directory, stack
from premortem.exceptions import Conflict, Malformed, Unavailable
from premortem.ports import (
    TOPICS,
    Administration,
    Appender,
    CheckpointStore,
    Clock,
    EventLog,
    EvidenceStore,
    Flow,
    IncidentStore,
    Project,
    QueueState,
    TaskQueue,
    Topic,
    TopicState,
)
from premortem.settings import Settings

_SALT = "hash_salt"


@dataclass(frozen=True)
class Adapters:
    """Every port, connected."""

    event_log: EventLog
    checkpoint_store: CheckpointStore
    task_queue: TaskQueue
    incident_store: IncidentStore
    evidence_store: EvidenceStore
    administration: Administration
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
        event_log = opened.enter_context(_event_log(settings, pool, crash_points()))
        task_queue = _task_queue(settings, pool)
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
        close=close_all,
    )


def appender(settings: Settings) -> Appender:
    """Return the log's writing end for an event loop; it connects when first used."""
    crash = crash_points() if settings.crash_at else None
    if not settings.kafka_brokers:
        return PostgresAppender(stack.resolve(settings).postgres_dsn, crash=crash)
    from premortem.adapters.event_log.kafka_appender import KafkaAppender

    return KafkaAppender(**_kafka(settings), crash=crash)


@contextmanager
def _event_log(settings: Settings, pool: Pool, crash: Callable[[str], None] | None = None) -> Iterator[EventLog]:
    """Lend the log that the settings name; Conflict when it was made with other partitions than they say."""
    if not settings.kafka_brokers:
        create_topics(pool, settings.partitions)
        yield PostgresEventLog(pool, crash=crash)
        return
    from premortem.adapters.event_log.kafka import KafkaEventLog

    with closing(KafkaEventLog(**_kafka(settings), crash=crash)) as log:
        if (found := log.partitions("sentry.events")) != settings.partitions:
            raise Conflict(f"the topics have {found} partitions. Set PREMORTEM_PARTITIONS to that.")
        yield log


def _task_queue(settings: Settings, pool: Pool) -> TaskQueue:
    if not settings.sqs_region:
        return PostgresTaskQueue(pool)
    from premortem.adapters.task_queue.sqs import SqsTaskQueue
    from premortem.adapters.task_queue.sqs_client import open_client
    from premortem.adapters.task_queue.sqs_ledger import SqsLedger

    client = open_client(settings.sqs_region, settings.sqs_endpoint)
    return SqsTaskQueue(client, SqsLedger(pool), prefix=settings.sqs_queue_prefix)


def _kafka(settings: Settings) -> dict[str, Any]:
    from premortem.adapters.event_log.kafka_client import parse_options

    options = parse_options(settings.kafka_options)
    return {"brokers": settings.kafka_brokers, "options": options, "prefix": settings.kafka_topic_prefix}


def _require_running(settings: Settings, own_address: str) -> None:
    """Raise Unavailable at once, with the mend, when the stack that a command needs is not up."""
    if not own_address and not stack.status(settings):
        raise Unavailable(f"nothing runs in {settings.data_dir}. Start it: premortem up.")


@contextmanager
def _pool(settings: Settings) -> Iterator[Pool]:
    _require_running(settings, settings.postgres_dsn)
    pool = open_pool(stack.resolve(settings).postgres_dsn, size=1)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """Lend the administration for a command."""
    with _pool(settings) as pool:
        yield PostgresAdministration(pool)


@contextmanager
def incidents(settings: Settings) -> Iterator[IncidentStore]:
    """Lend the incident store for a command."""
    with _pool(settings) as pool:
        yield PostgresIncidentStore(pool)


@contextmanager
def evidence(settings: Settings) -> Iterator[EvidenceStore]:
    """Lend the evidence store for a command."""
    _require_running(settings, settings.clickhouse_url)
    with closing(ClickHouseEvidenceStore(stack.resolve(settings).clickhouse_url)) as store:
        yield store


def first_project(administration: Administration, tenant: str, public_key: str) -> Project:
    """Return the tenant's first project; made with this key when there is none yet."""
    found = administration.projects(TenantId(tenant))
    return found[0] if found else administration.create_project(TenantId(tenant), "default", "Default", public_key)


def clock(settings: Settings) -> Clock:
    """Return the gateway's clock."""
    return SystemClock() if settings.clock == "system" else scaled.parse(settings.clock)


def clock_rate(settings: Settings) -> float:
    """Return how fast the gateway's clock runs, in the end."""
    return 1.0 if settings.clock == "system" else scaled.parse(settings.clock).final_rate


def crash_points() -> Callable[[str], None]:
    """Return what is called at each named crash point: nothing happens there but in crash tests."""
    return crash.crash_points(Settings().crash_at)


def salt(settings: Settings, *, make: bool = True) -> bytes:
    """Return what keys the hashes of users and secrets: the setting, or a secret that the data directory keeps.

    Raises Unavailable when there is none and none shall be made.
    """
    if settings.hash_salt:
        return settings.hash_salt.encode()
    path = settings.data_dir.absolute()
    if make:
        data_directory.make_secret(path, _SALT)
    if (found := data_directory.secret(path, _SALT)) is None:
        raise Unavailable(f"{path} holds no salt: nothing was hashed there. Is PREMORTEM_DATA_DIR right?")
    return found.encode()


def public_url(settings: Settings) -> str:
    """Return the URL by which the gateway is reached, without a final slash."""
    resolved = stack.resolve(settings)
    host = f"[{resolved.http_host}]" if ":" in resolved.http_host else resolved.http_host
    return (resolved.public_url or f"http://{host}:{resolved.http_port}").rstrip("/")


def migrate(settings: Settings) -> list[str]:
    """Apply all migrations of both databases, create topics and queues; returns what was applied and created."""
    from premortem.migrate import MIGRATIONS, migrate_clickhouse, migrate_postgres

    _require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    applied = migrate_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    applied += migrate_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")
    return [*applied, *make_topics(settings), *make_queues(settings)]


def pending_migrations(settings: Settings) -> list[str]:
    """Return the files of both databases that are not applied yet."""
    from premortem.migrate import MIGRATIONS, pending_clickhouse, pending_postgres

    _require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    pending = pending_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    return [*pending, *pending_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")]


def postgres_version(settings: Settings) -> str:
    """Return the server's version; Conflict when it is too old, or when no tenant could read on it."""
    from premortem.migrate.rights import examine

    _require_running(settings, settings.postgres_dsn)
    return examine(stack.resolve(settings).postgres_dsn)


def clickhouse_version(settings: Settings) -> str:
    """Return the server's version and how many events it holds; Conflict when it is too old."""
    _require_running(settings, settings.clickhouse_url)
    with closing(ClickHouseEvidenceStore(stack.resolve(settings).clickhouse_url)) as store:
        version = require_version(store.version())
        return f"ClickHouse {version}, {store.count_events()} events archived"


def lags(settings: Settings) -> dict[Flow, int]:
    """Return how many records each dataflow has not passed yet."""
    behind = dict.fromkeys(SOURCES, 0)
    for (flow, _), (position, head) in positions(settings).items():
        behind[flow] += max(0, head - position)
    return behind


def newest_record(settings: Settings) -> int | None:
    """Return when the project stream's newest record was written (ms, by the log's clock); None: it is empty."""
    with event_log(settings) as log:
        heads = enumerate(log.heads("sentry.events"))
        newest = [log.read("sentry.events", partition, head - 1, 1)[:1] for partition, head in heads if head]
    return max((record.recorded_at for records in newest for record in records), default=None)


def positions(settings: Settings) -> dict[tuple[Flow, int], tuple[int, int]]:
    """Return, for each dataflow and partition, how far it is and where the log ends."""
    with _pool(settings) as pool, _event_log(settings, pool) as log:
        reached = PostgresCheckpointStore(pool).positions()
        return {
            (flow, partition): (reached.get((flow, partition), 0), head)
            for flow, topic in SOURCES.items()
            for partition, head in enumerate(log.heads(topic))
        }


# --------------------------------------------------------------------------------------------- topics and queues
@contextmanager
def event_log(settings: Settings) -> Iterator[EventLog]:
    """Lend the event log for a command."""
    with _pool(settings) as pool, _event_log(settings, pool) as log:
        yield log


def make_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names. Conflict when one is there with other settings."""
    if settings.kafka_brokers:
        from premortem.adapters.event_log import kafka_topics

        return kafka_topics.create_topics(
            **_kafka(settings), partitions=settings.partitions, payload_days=settings.payload_retention_days
        )
    with _pool(settings) as pool:
        return create_topics(pool, settings.partitions)


def topics(settings: Settings) -> list[TopicState]:
    """Return every topic, also what is wrong with it."""
    if settings.kafka_brokers:
        from premortem.adapters.event_log import kafka_topics

        return kafka_topics.describe_topics(
            **_kafka(settings), partitions=settings.partitions, payload_days=settings.payload_retention_days
        )
    with event_log(settings) as log:
        return [_topic_state(log, topic, settings.payload_retention_days) for topic in TOPICS]


def log_version(settings: Settings) -> str:
    """Return what holds the log."""
    if not settings.kafka_brokers:
        return "in PostgreSQL"
    from premortem.adapters.event_log import kafka_topics

    kafka = _kafka(settings)
    return kafka_topics.broker_version(kafka["brokers"], kafka["options"])


def _topic_state(log: EventLog, topic: Topic, payload_days: int) -> TopicState:
    return TopicState(
        name=topic,
        partitions=log.partitions(topic),
        records=sum(log.heads(topic)) - sum(log.low_watermarks(topic)),
        retention_days=payload_days if topic == "sentry.payloads" else None,
        replication=1,
    )


def forget_bodies(settings: Settings, before: int) -> int:
    """Drop the bodies recorded on days that ended before `before` (ms) from the log; return how many went.

    Raises Conflict while `archive` has not passed all of them.
    """
    with event_log(settings) as log:
        for (flow, partition), (position, head) in positions(settings).items():
            if flow != "archive" or position >= head:
                continue
            if log.read("sentry.payloads", partition, position, 1)[0].recorded_at < before:
                raise Conflict("archive has not read all of these bodies yet. Try again when its lag is gone.")
        return log.trim("sentry.payloads", before)


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
    with _pool(settings) as pool:
        queue = PostgresTaskQueue(pool)
        return [
            QueueState(name=name, waiting=queue.depth(name), dead=queue.depth(f"{name}-dlq"))
            for name in sorted(QUEUES.values())
        ]


def redrive(settings: Settings, name: str) -> int:
    """Send the dead letters of a queue back to it; return how many went. Raises Malformed for a queue that is none."""
    if name not in QUEUES.values():
        raise Malformed(f"there is no queue {name!r}. There are: {', '.join(sorted(QUEUES.values()))}.")
    with _pool(settings) as pool:
        return _task_queue(settings, pool).redrive(name)


def move_log(settings: Settings, progress: Progress) -> dict[Topic, int]:
    """Copy the embedded log to the Kafka of the settings, offset by offset; return the records per topic.

    The stack must be down: its PostgreSQL is started for the copy alone. Raises Conflict while it runs, and what
    `copy_log` raises.
    """
    if not settings.kafka_brokers:
        raise Malformed("there is no Kafka to move to. Set PREMORTEM_KAFKA_BROKERS.")
    make_topics(settings)
    embedded = settings.model_copy(update={"kafka_brokers": ""})
    with (
        stack.postgres_alone(settings) as dsn,
        closing(open_pool(dsn, size=2)) as pool,
        _event_log(embedded, pool) as source,
        _event_log(settings, pool) as target,
    ):
        return copy_log(source, target, progress)
