"""The log in Kafka when the broker is killed or emptied: nothing acknowledged is lost, nothing is skipped."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import pytest

from premortem.adapters.event_log.copying import copy_log
from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_client import MAX_RECORD_BYTES
from premortem.adapters.event_log.kafka_topics import counts_of, create_topics, describe_topics, open_admin
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.streams.patience import Patience
from premortem.exceptions import Conflict, Malformed, OffsetLost, Unavailable
from premortem.ports import TOPICS, Append
from tests.kafka_fixture import MORTAL_SESSION, KafkaBroker
from tests.maven import jars

FAR_FUTURE = 4_102_444_800_000


@contextmanager
def log_on(broker: KafkaBroker, prefix: str, partitions: int = 1) -> Iterator[KafkaEventLog]:
    create_topics(broker.address, partitions=partitions, payload_days=1, prefix=prefix)
    with closing(KafkaEventLog(broker.address, prefix=prefix)) as log:
        yield log


@contextmanager
def log_through_proxy(broker: KafkaBroker, prefix: str) -> Iterator[KafkaEventLog]:
    create_topics(broker.address, partitions=1, payload_days=1, prefix=prefix)
    with closing(KafkaEventLog(broker.proxied_address, prefix=prefix)) as log:
        yield log


def numbered(count: int) -> list[Append]:
    return [Append("sentry.events", "k", str(n).encode()) for n in range(count)]


def none_twice_and_in_order(values: list[bytes]) -> bool:
    numbers = [int(value) for value in values]
    return numbers == sorted(set(numbers))


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker that only these tests use, for they kill it."""
    broker = KafkaBroker(tmp_path_factory.mktemp("mortal"), jars("kafka"), session_seconds=MORTAL_SESSION)
    broker.start()
    yield broker
    broker.kill()


def read_all(log: KafkaEventLog, head: int) -> list[bytes]:
    values: list[bytes] = []
    while len(values) < head:
        values += [record.value for record in log.read("sentry.events", 0, len(values), 1000)]
    return values


def test_a_broker_killed_under_load_loses_nothing_that_was_acknowledged(mortal: KafkaBroker, kafka_prefix: str) -> None:
    acknowledged: list[bytes] = []
    done = threading.Event()
    with log_on(mortal, kafka_prefix) as log:

        def write() -> None:
            for number in range(100_000):
                if done.is_set():
                    return
                values = [f"{number}.{n}".encode() for n in range(5)]
                try:
                    log.append([Append("sentry.events", "k", value) for value in values])
                except Unavailable:
                    continue
                acknowledged.extend(values)

        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(2):
            before = len(acknowledged)
            while len(acknowledged) < before + 200:
                done.wait(0.01)
            mortal.kill()
            mortal.start()
        done.set()
        writer.join()
        patience = Patience(threading.Event(), attempts=None)  # a partition has no leader for a moment
        head = patience(lambda: log.heads("sentry.events"))[0]
        values = patience(lambda: read_all(log, head))
    assert set(acknowledged) <= set(values)
    firsts = list(dict.fromkeys(values))
    kept = set(acknowledged)
    assert [value for value in firsts if value in kept] == acknowledged


def test_a_missing_topic_is_named_with_the_command_that_creates_it(kafka_broker: KafkaBroker) -> None:
    with closing(KafkaEventLog(kafka_broker.address, prefix="nobody-made-")) as log:
        with pytest.raises(Malformed, match="premortem topics create"):
            log.append([Append("sentry.events", "k", b"v")])
        with pytest.raises(Malformed, match="premortem topics create"):
            log.heads("sentry.events")


def test_a_record_that_is_too_large_is_refused_before_any_of_its_neighbours_is_written(
    kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    with log_on(kafka_broker, kafka_prefix) as log:
        with pytest.raises(Malformed):
            log.append([Append("sentry.events", "k", b"v"), Append("sentry.events", "k", bytes(MAX_RECORD_BYTES + 1))])
        assert list(log.heads("sentry.events")) == [0]
        log.append([Append("sentry.events", "k", bytes(MAX_RECORD_BYTES - 1))])
        (record,) = log.read("sentry.events", 0, 0, 10)
    assert len(record.value) == MAX_RECORD_BYTES - 1


def test_an_offset_that_retention_took_is_an_error_for_a_reader_that_stood_before_it(
    kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    with log_on(kafka_broker, kafka_prefix) as log:
        log.append([Append("sentry.payloads", "k", b"a"), Append("sentry.payloads", "k", b"b")])
        assert log.trim("sentry.payloads", FAR_FUTURE) == 2
        log.append([Append("sentry.payloads", "k", b"c")])
        with pytest.raises(OffsetLost):
            log.read("sentry.payloads", 0, 1, 10)
        assert [record.value for record in log.read("sentry.payloads", 0, 2, 10)] == [b"c"]


def test_topics_are_made_once_and_another_number_of_partitions_is_a_conflict(
    kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    made = create_topics(kafka_broker.address, partitions=2, payload_days=7, prefix=kafka_prefix)
    assert made == [kafka_prefix + topic for topic in TOPICS]
    assert create_topics(kafka_broker.address, partitions=2, payload_days=7, prefix=kafka_prefix) == []
    with pytest.raises(Conflict, match="PREMORTEM_PARTITIONS=2"):
        create_topics(kafka_broker.address, partitions=3, payload_days=7, prefix=kafka_prefix)
    states = describe_topics(kafka_broker.address, partitions=2, payload_days=7, prefix=kafka_prefix)
    assert [state.retention_days for state in states] == [None, None, 7.0, None]


def test_a_log_moves_into_kafka_with_every_offset(kafka_broker: KafkaBroker, kafka_prefix: str) -> None:
    source = MemoryEventLog(2)
    source.append([Append(topic, str(n), f"{topic} {n}".encode()) for topic in TOPICS for n in range(500)])
    source.trim("sentry.payloads", FAR_FUTURE)
    source.append([Append("sentry.payloads", "k", b"kept", 1)])
    with log_on(kafka_broker, kafka_prefix, partitions=2) as target:
        assert copy_log(source, target)["sentry.payloads"] == 1
        assert list(target.low_watermarks("sentry.payloads")) == list(source.low_watermarks("sentry.payloads"))


def test_connections_cut_while_records_are_sent_lose_none_and_double_none(
    mortal: KafkaBroker, kafka_prefix: str
) -> None:
    """The client sends again what it has no report of, and the broker knows what it has already."""
    with log_through_proxy(mortal, kafka_prefix) as log:
        records = numbered(5000)
        for start in range(0, len(records), 500):
            cutter = threading.Timer(0.002, mortal.proxy.cut)
            cutter.start()
            log.append(records[start : start + 500])
            cutter.join()
        patience = Patience(threading.Event(), attempts=None)
        head = patience(lambda: log.heads("sentry.events"))[0]
        values = patience(lambda: read_all(log, head))
    assert values == [record.value for record in records]


def test_a_connection_cut_while_topics_are_looked_up_is_looked_up_again(mortal: KafkaBroker, kafka_prefix: str) -> None:
    create_topics(mortal.address, partitions=1, payload_days=1, prefix=kafka_prefix)
    for turn in range(100):  # cut at any moment before the answer: one look in thirty fails when asked once
        cutter = threading.Timer(turn % 12 / 1000, mortal.proxy.cut)
        cutter.start()
        assert counts_of(open_admin(mortal.proxied_address, {}), kafka_prefix)["sentry.events"] == 1
        cutter.join()


def test_connections_cut_while_records_are_read_skip_none(mortal: KafkaBroker, kafka_prefix: str) -> None:
    with log_through_proxy(mortal, kafka_prefix) as log:
        records = [Append("sentry.events", "k", bytes(20_000) + str(n).encode()) for n in range(1000)]
        log.append(records)
        patience, values = Patience(threading.Event(), attempts=None), []
        while len(values) < len(records):
            values += [record.value for record in patience(partial(log.read, "sentry.events", 0, len(values), 50))]
            mortal.proxy.cut()
    assert values == [record.value for record in records]


def test_a_broker_that_hangs_is_unavailable_in_bounded_time_and_then_goes_on(
    mortal: KafkaBroker, kafka_prefix: str
) -> None:
    with log_through_proxy(mortal, kafka_prefix) as log:
        log.append(numbered(1))
        mortal.proxy.freeze()
        waits = []
        for ask in (
            lambda: log.heads("sentry.events"),
            lambda: log.append([Append("sentry.events", "k", b"1")]),
            lambda: log.read("sentry.events", 0, 0, 1),
        ):
            begun = time.monotonic()
            with pytest.raises(Unavailable):
                ask()
            waits.append(time.monotonic() - begun)
        mortal.proxy.thaw()
        patience = Patience(threading.Event(), attempts=None)
        patience(lambda: log.append([Append("sentry.events", "k", b"2")]))
        values = patience(lambda: read_all(log, log.heads("sentry.events")[0]))
    assert max(waits) < 60
    assert (values[0], values[-1]) == (b"0", b"2")
    assert none_twice_and_in_order(values)
