"""Topics of the log: made, looked at, trimmed, and moved to Kafka."""

from contextlib import closing

from premortem.adapters.event_log.copying import Progress, copy_log
from premortem.adapters.event_log.postgres import create_topics
from premortem.adapters.postgres import open_pool
from premortem.bootstrap.condition import positions
from premortem.bootstrap.connecting import kafka_words, lend_log, lend_pool
from premortem.bootstrap.lending import event_log
from premortem.embedded import stack
from premortem.exceptions import Conflict, Malformed
from premortem.ports import TOPICS, EventLog, Topic, TopicState
from premortem.settings import Settings


def make_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names. Conflict when one is there with other settings."""
    if settings.kafka_brokers:
        from premortem.adapters.event_log import kafka_topics

        return kafka_topics.create_topics(
            **kafka_words(settings), partitions=settings.partitions, payload_days=settings.payload_retention_days
        )
    with lend_pool(settings) as pool:
        return create_topics(pool, settings.partitions)


def topics(settings: Settings) -> list[TopicState]:
    """Return every topic, also what is wrong with it."""
    if settings.kafka_brokers:
        from premortem.adapters.event_log import kafka_topics

        return kafka_topics.describe_topics(
            **kafka_words(settings), partitions=settings.partitions, payload_days=settings.payload_retention_days
        )
    with event_log(settings) as log:
        return [_topic_state(log, topic, settings.payload_retention_days) for topic in TOPICS]


def log_version(settings: Settings) -> str:
    """Return what holds the log."""
    if not settings.kafka_brokers:
        return "in PostgreSQL"
    from premortem.adapters.event_log import kafka_topics

    kafka = kafka_words(settings)
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
        lend_log(embedded, pool) as source,
        lend_log(settings, pool) as target,
    ):
        return copy_log(source, target, progress)
