"""Topics as somebody changed them: each setting that breaks a promise of the log is named with its mend."""

from collections.abc import Sequence

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from premortem.adapters.event_log.kafka_topics import create_topics, describe_topics
from premortem.exceptions import Conflict
from premortem.ports import TOPICS
from tests.kafka_fixture import KafkaBroker

DAYS = 30


def alter(address: str, topic: str, setting: str, value: str) -> None:
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": address})
    admin.incremental_alter_configs([resource])[resource].result(10)


def problems(address: str, prefix: str, days: int | None = DAYS) -> dict[str, Sequence[str]]:
    """Return what is wrong with each topic with which something is."""
    states = describe_topics(address, partitions=1, payload_days=days, prefix=prefix)
    return {state.name.removeprefix(prefix): state.problems for state in states if state.problems}


EVENTS, TIMELINE, BODIES, DEAD = "sentry.events", "debugging.timeline", "sentry.payloads", "dead-letters"
COMPACTED = "is compacted, which makes holes in the log. Set cleanup.policy=delete."
BY_AGE = "forgets its records (retention.ms=604800000). Set retention.ms=-1."
BY_SIZE = "forgets its records (retention.bytes=1000000). Set retention.bytes=-1."
FOR_EVER = "keeps bodies for ever. Set retention.ms to what PREMORTEM_PAYLOAD_RETENTION_DAYS says."
FOREIGN_CLOCK = "goes by the clocks of clients. Set message.timestamp.type=LogAppendTime."
LAGGARD = "lets a replica that lags become the leader. Set unclean.leader.election.enable=false."


@pytest.mark.parametrize(
    ("topic", "setting", "value", "told"),
    [
        (EVENTS, "cleanup.policy", "compact", COMPACTED),
        (TIMELINE, "cleanup.policy", "compact,delete", COMPACTED),
        (EVENTS, "retention.ms", "604800000", BY_AGE),
        (TIMELINE, "retention.ms", "604800000", BY_AGE),
        (DEAD, "retention.ms", "604800000", BY_AGE),
        (EVENTS, "retention.bytes", "1000000", BY_SIZE),
        (BODIES, "retention.bytes", "1000000", BY_SIZE),
        (BODIES, "retention.ms", "-1", FOR_EVER),
        (BODIES, "message.timestamp.type", "CreateTime", FOREIGN_CLOCK),
        (BODIES, "max.message.bytes", "1048588", "takes too small records. Set max.message.bytes=4325376."),
        (TIMELINE, "unclean.leader.election.enable", "true", LAGGARD),
        (EVENTS, "min.insync.replicas", "2", "takes no record: it wants 2 replicas of 1. Lower min.insync.replicas."),
    ],
)
def test_a_setting_that_breaks_a_promise_is_named_and_stops_what_makes_topics(
    kafka_broker: KafkaBroker, kafka_prefix: str, topic: str, setting: str, value: str, told: str
) -> None:
    create_topics(kafka_broker.address, partitions=1, payload_days=DAYS, prefix=kafka_prefix)
    assert problems(kafka_broker.address, kafka_prefix) == {}
    alter(kafka_broker.address, kafka_prefix + topic, setting, value)
    assert problems(kafka_broker.address, kafka_prefix) == {topic: (f"{kafka_prefix}{topic} {told}",)}
    with pytest.raises(Conflict, match=setting.partition(".")[0]):
        create_topics(kafka_broker.address, partitions=1, payload_days=DAYS, prefix=kafka_prefix)


def test_bodies_that_are_kept_for_another_time_than_the_setting_says_are_told_and_stop_nothing(
    kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    create_topics(kafka_broker.address, partitions=1, payload_days=7, prefix=kafka_prefix)
    assert problems(kafka_broker.address, kafka_prefix) == {
        "sentry.payloads": (
            f"{kafka_prefix}sentry.payloads keeps bodies for 7 days, and PREMORTEM_PAYLOAD_RETENTION_DAYS says 30. "
            "Set retention.ms=2592000000, or the setting.",
        )
    }
    assert problems(kafka_broker.address, kafka_prefix, 7) == {}
    assert create_topics(kafka_broker.address, partitions=1, payload_days=DAYS, prefix=kafka_prefix) == []


def test_where_no_topic_is_there_each_is_missing(kafka_broker: KafkaBroker, kafka_prefix: str) -> None:
    assert problems(kafka_broker.address, kafka_prefix) == {
        topic: (f"{kafka_prefix}{topic} is missing. Run: premortem topics create.",) for topic in TOPICS
    }
