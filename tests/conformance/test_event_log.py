"""Every event log keeps the promise of `ports.EventLog`."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_appender import KafkaAppender
from premortem.adapters.event_log.kafka_topics import create_topics as create_kafka_topics
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.partitioner import partition_of
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.event_log.postgres_appender import PostgresAppender
from premortem.adapters.postgres import open_pool
from premortem.exceptions import Conflict, Malformed, OffsetLost
from premortem.ports import Append, EventLog, Position
from tests.kafka_fixture import KafkaBroker

PARTITIONS = 4


class ThroughAppender(PostgresEventLog):
    """The log of PostgreSQL, written by its other end: the one for event loops."""

    dsn = ""

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        async def append() -> Sequence[Position]:
            appender = PostgresAppender(self.dsn)
            try:
                return await appender.append(records)
            finally:
                await appender.close()

        return asyncio.run(append())


class ThroughKafkaAppender(KafkaEventLog):
    """The log of Kafka, written by its other end."""

    appender: KafkaAppender
    loop: asyncio.AbstractEventLoop

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        return asyncio.run_coroutine_threadsafe(self.appender.append(records), self.loop).result()


@contextmanager
def kafka_log(kind: str, broker: KafkaBroker, prefix: str) -> Iterator[EventLog]:
    create_kafka_topics(broker.address, partitions=PARTITIONS, payload_days=1, prefix=prefix)
    if kind == "kafka":
        with closing(KafkaEventLog(broker.address, prefix=prefix)) as log:
            yield log
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with closing(ThroughKafkaAppender(broker.address, prefix=prefix)) as log:
        log.appender, log.loop = KafkaAppender(broker.address, prefix=prefix), loop
        yield log
        asyncio.run_coroutine_threadsafe(log.appender.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(params=["memory", "postgres", "postgres-appender", "kafka", "kafka-appender"])
def log(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    if request.param == "memory":
        yield MemoryEventLog(PARTITIONS)
        return
    if request.param.startswith("kafka"):
        broker, prefix = request.getfixturevalue("kafka_broker"), request.getfixturevalue("kafka_prefix")
        with kafka_log(request.param, broker, prefix) as log:
            yield log
        return
    dsn = request.getfixturevalue("postgres_dsn")
    pool = open_pool(dsn, size=12)
    create_topics(pool, PARTITIONS)
    log = PostgresEventLog(pool) if request.param == "postgres" else ThroughAppender(pool)
    ThroughAppender.dsn = dsn
    yield log
    pool.close()


def texts(log: EventLog, partition: int = 0, offset: int = 0) -> list[str]:
    return [record.value.decode() for record in log.read("debugging.timeline", partition, offset, 1000)]


def put(log: EventLog, *values: str, partition: int = 0) -> None:
    log.append([Append("debugging.timeline", "key", value.encode(), partition) for value in values])


def test_offsets_of_a_partition_start_at_zero_and_have_no_gaps(log: EventLog) -> None:
    put(log, "a", "b")
    put(log, "c")
    assert [r.offset for r in log.read("debugging.timeline", 0, 0, 10)] == [0, 1, 2]


def test_records_of_one_append_keep_their_order_and_bytes(log: EventLog) -> None:
    values = [bytes([n]) * 3 + b"\0\xff" for n in range(50)]
    log.append([Append("sentry.payloads", "k", value, 1) for value in values])
    assert [r.value for r in log.read("sentry.payloads", 1, 0, 100)] == values


def test_append_says_where_each_record_stands_in_the_order_given(log: EventLog) -> None:
    put(log, "before", partition=2)
    places = log.append(
        [
            Append("debugging.timeline", "k", b"x", 2),
            Append("sentry.events", "k", b"y", 3),
            Append("debugging.timeline", "k", b"z", 2),
        ]
    )
    assert [(p.topic, p.partition, p.offset) for p in places] == [
        ("debugging.timeline", 2, 1),
        ("sentry.events", 3, 0),
        ("debugging.timeline", 2, 2),
    ]


def test_a_key_always_goes_to_the_partition_that_the_partitioner_names(log: EventLog) -> None:
    places = log.append([Append("sentry.events", str(n), b"v") for n in range(40)])
    assert [p.partition for p in places] == [partition_of(str(n), PARTITIONS) for n in range(40)]


def test_the_partitioner_never_changes_its_mind() -> None:
    assert [partition_of(key, 8) for key in ("", "1", "42", "käse", "incident")] == [0, 7, 0, 7, 2]


def test_an_append_with_one_bad_record_appends_none(log: EventLog) -> None:
    good = Append("debugging.timeline", "k", b"good", 0)
    for bad in (Append("no-topic", "k", b"v"), Append("debugging.timeline", "k", b"v", 99)):  # type: ignore[arg-type]
        with pytest.raises(Malformed):
            log.append([good, bad])
    assert texts(log) == []


def test_reading_behind_the_head_gives_nothing_and_no_error(log: EventLog) -> None:
    put(log, "a")
    assert log.read("debugging.timeline", 0, 1, 10) == []


def test_a_read_gives_no_more_than_its_limit(log: EventLog) -> None:
    put(log, *"abcdef")
    assert [r.value for r in log.read("debugging.timeline", 0, 2, 3)] == [b"c", b"d", b"e"]


def test_heads_are_the_offsets_that_come_next(log: EventLog) -> None:
    put(log, "a", "b", partition=1)
    assert list(log.heads("debugging.timeline")) == [0, 2, 0, 0]


def test_a_reader_never_skips_a_record_under_many_writers(log: EventLog) -> None:
    """On a log whose offsets come from a sequence this fails: they become visible out of order."""
    writers, batches, size = 6, 25, 4
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for batch in range(batches):
                put(log, *(f"{writer}.{batch}.{n}" for n in range(size)), partition=batch % 2)
        except BaseException as exception:
            failures.append(exception)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    seen: dict[int, list[str]] = {0: [], 1: []}
    while any(thread.is_alive() for thread in threads) or any(
        len(seen[p]) < log.heads("debugging.timeline")[p] for p in seen
    ):
        for partition, values in seen.items():
            for record in log.read("debugging.timeline", partition, len(values), 100):
                assert record.offset == len(values)
                values.append(record.value.decode())
    assert not failures
    everything = [f"{w}.{b}.{n}" for w in range(writers) for b in range(batches) for n in range(size)]
    assert sorted(seen[0] + seen[1]) == sorted(everything)


def test_trimming_drops_whole_days_and_says_what_is_left(log: EventLog) -> None:
    log.append([Append("sentry.payloads", "k", b"v", 0)])
    far_future = 4_102_444_800_000
    assert log.trim("sentry.payloads", 0) == 0
    assert log.trim("sentry.payloads", far_future) == 1
    assert list(log.low_watermarks("sentry.payloads")) == [1, 0, 0, 0]
    with pytest.raises(OffsetLost):
        log.read("sentry.payloads", 0, 0, 10)
    log.append([Append("sentry.payloads", "k", b"next", 0)])
    assert [r.offset for r in log.read("sentry.payloads", 0, 1, 10)] == [1]


def test_the_number_of_partitions_is_fixed_at_creation(postgres_dsn: str) -> None:
    pool = open_pool(postgres_dsn, size=1)
    create_topics(pool, 4)
    create_topics(pool, 4)
    with pytest.raises(Conflict, match="PREMORTEM_PARTITIONS"):
        create_topics(pool, 2)
    pool.close()
