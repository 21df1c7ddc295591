"""The same records give the same detections, and the same report, from every log that they may stand on."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics as create_kafka_topics
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.event_log.read_only import ReadOnlyLog
from premortem.adapters.postgres import open_pool
from premortem.ports import EventLog
from replay.detecting.detections import Report, detections
from tests.replay.live import detect, fill, stream

PARTITIONS = 2


@pytest.fixture(params=["postgres", "kafka"])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    if request.param == "kafka":
        broker, prefix = request.getfixturevalue("kafka_broker"), request.getfixturevalue("kafka_prefix")
        create_kafka_topics(broker.address, partitions=PARTITIONS, payload_days=1, prefix=prefix)
        with closing(KafkaEventLog(broker.address, prefix=prefix)) as log:
            yield log
        return
    with closing(open_pool(request.getfixturevalue("postgres_dsn"), size=2)) as pool:
        create_topics(pool, PARTITIONS)
        yield PostgresEventLog(pool)


def written(log: EventLog) -> Report:
    fill(log, stream(500))
    return detections(ReadOnlyLog(log), detect(log, until=200))


def test_the_report_is_that_of_the_log_in_memory(log: EventLog) -> None:
    report = written(log)
    assert report == written(MemoryEventLog(PARTITIONS))
    assert (report.unexplained, report.differences) == (0, [])
    assert report.matched > 20
    assert report.awaited > 0
