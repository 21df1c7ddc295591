"""What an append says when the broker takes it in part, and when it no longer knows the producer."""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Append
from tests.adapters.test_kafka_topics import alter
from tests.kafka_fixture import MORTAL_SESSION, KafkaBroker
from tests.maven import jars

SMALL = Append("sentry.events", "k", b"small")
LARGE = Append("dead-letters", "k", random.Random(1).randbytes(200_000))


def test_an_append_of_which_a_part_was_refused_is_no_refusal_of_all(
    kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    """Malformed says that nothing is on the log; what is there in part may only be tried again."""
    create_topics(kafka_broker.address, partitions=1, payload_days=1, prefix=kafka_prefix)
    alter(kafka_broker.address, f"{kafka_prefix}dead-letters", "max.message.bytes", "100000")
    with closing(KafkaEventLog(kafka_broker.address, prefix=kafka_prefix)) as log:
        with pytest.raises(Malformed, match="takes no record this large"):
            log.append([LARGE])
        with pytest.raises(
            Unavailable, match=r"no record this large.* Other records of the same append are on the log\."
        ):
            log.append([SMALL, LARGE])
        assert [record.value for record in log.read("sentry.events", 0, 0, 10)] == [b"small"]
        assert list(log.heads("dead-letters")) == [0]


@pytest.fixture
def restorable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    broker = KafkaBroker(tmp_path_factory.mktemp("restorable"), jars("kafka"), session_seconds=MORTAL_SESSION)
    broker.start()
    yield broker
    broker.kill()


def test_a_producer_that_a_restored_broker_does_not_follow_is_replaced(restorable: KafkaBroker) -> None:
    """The broker's data are those of an earlier moment: it misses what the producer has counted since."""
    data, copy = restorable.directory / "data", restorable.directory / "copy"
    create_topics(restorable.address, partitions=1, payload_days=1)
    with closing(KafkaEventLog(restorable.address)) as log:
        log.append([SMALL])
        restorable.stop()
        shutil.copytree(data, copy)
        restorable.start()
        for _ in range(3):
            log.append([SMALL])
        restorable.stop()
        shutil.rmtree(data)
        copy.rename(data)
        restorable.start()
        with pytest.raises(Unavailable):
            log.append([SMALL])
        (position,) = log.append([SMALL])
        assert list(log.heads("sentry.events")) == [position.offset + 1]
