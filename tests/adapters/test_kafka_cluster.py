"""The log on three brokers: what topics are made as there, and what the loss of one broker, and of two, costs."""

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka.admin import AdminClient

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics, describe_topics
from premortem.adapters.streams.patience import Patience
from premortem.exceptions import Unavailable
from premortem.ports import TOPICS, Append
from tests.adapters.test_kafka_topics import alter, problems
from tests.kafka_fixture import KafkaCluster
from tests.maven import jars

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path_factory.mktemp("cluster"), jars("kafka"))
    cluster.start()
    yield cluster
    cluster.kill()


def test_topics_have_three_replicas_of_which_two_must_have_a_record(cluster: KafkaCluster, kafka_prefix: str) -> None:
    create_topics(cluster.address, partitions=1, payload_days=30, prefix=kafka_prefix)
    states = describe_topics(cluster.address, partitions=1, payload_days=30, prefix=kafka_prefix)
    assert [(state.replication, state.problems) for state in states] == [(3, ())] * 4
    alter(cluster.address, f"{kafka_prefix}sentry.events", "min.insync.replicas", "1")
    told = f"{kafka_prefix}sentry.events answers when one replica has a record. Set min.insync.replicas=2."
    assert problems(cluster.address, kafka_prefix) == {"sentry.events": (told,)}


def test_topics_that_stayed_on_one_broker_of_a_cluster_that_grew_are_told_and_stop_nothing(
    cluster: KafkaCluster, kafka_prefix: str
) -> None:
    create_topics(cluster.address, partitions=1, payload_days=30, prefix=kafka_prefix, replicas=1)
    told = problems(cluster.address, kafka_prefix)
    assert set(told) == set(TOPICS)
    assert f"{kafka_prefix}dead-letters is on 1 of 3 brokers" in told["dead-letters"][0]
    assert create_topics(cluster.address, partitions=1, payload_days=30, prefix=kafka_prefix) == []


def leader(cluster: KafkaCluster, topic: str) -> int:
    """Return the number of the broker that leads the topic's partition."""
    admin = AdminClient({"bootstrap.servers": cluster.address})
    return int(admin.list_topics(topic, timeout=10).topics[topic].partitions[0].leader)


def test_the_loss_of_the_leader_loses_nothing_and_that_of_two_brokers_stops_until_one_is_back(
    cluster: KafkaCluster, kafka_prefix: str
) -> None:
    create_topics(cluster.address, partitions=1, payload_days=30, prefix=kafka_prefix)
    acknowledged: list[bytes] = []
    patience = Patience(threading.Event(), attempts=None)
    with closing(KafkaEventLog(cluster.address, prefix=kafka_prefix)) as log:

        def append(number: int) -> None:
            value = str(number).encode()
            log.append([Append("sentry.events", "k", value)])
            acknowledged.append(value)

        for number in range(50):
            append(number)
        first = cluster.brokers[leader(cluster, f"{kafka_prefix}sentry.events") - 1]
        first.kill()
        for number in range(50, 100):
            patience(partial(append, number))
        second = next(broker for broker in cluster.brokers if broker is not first)
        second.kill()
        with pytest.raises(Unavailable):
            append(100)
        second.start()
        for number in range(101, 150):
            patience(partial(append, number))
        head = patience(lambda: log.heads("sentry.events"))[0]
        values: list[bytes] = []
        while len(values) < head:
            read = partial(log.read, "sentry.events", 0, len(values), 1000)
            values += [record.value for record in patience(read)]
        first.start()
    firsts = [value for value in dict.fromkeys(values) if value in set(acknowledged)]
    assert firsts == acknowledged
    assert len(acknowledged) == 149
