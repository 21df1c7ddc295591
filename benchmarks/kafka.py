"""The log in Kafka beside the bare client: records read, records appended, and what a look at the heads costs.

`python -m benchmarks.kafka [BROKER]`; without an address it starts the broker of the tests. Everything is measured in
one run, in turns, in processor time of this process (librdkafka's threads included) and in time that passes.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import uvloop
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.aio import AIOProducer
from msgspec import Struct

from benchmarks.servers import running_broker
from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_appender import KafkaAppender
from premortem.adapters.event_log.kafka_topics import create_topics
from premortem.ports import Append, Appender, Topic

_TOPIC: Topic = "sentry.events"
_PARTITIONS = 4
_RECORDS = 100_000
_APPENDS = 20_000
_BATCH = 200
_WRITERS = 2
_ROUNDS = 3


class Cost(Struct):
    """What something took, best of the rounds."""

    per_second: float = 0.0
    cpu_us: float = float("inf")

    def add(self, records: int, wall: float, cpu: float) -> None:
        """Take in a round."""
        self.per_second = max(self.per_second, records / wall)
        self.cpu_us = min(self.cpu_us, cpu / records * 1e6)


@contextmanager
def measured(cost: Cost, records: int) -> Iterator[None]:
    """Add what the block takes."""
    wall, cpu = time.monotonic(), time.process_time()
    yield
    cost.add(records, time.monotonic() - wall, time.process_time() - cpu)


def values(count: int) -> list[bytes]:
    """Return records like those of the project stream: some 300 bytes, half of them the same everywhere."""
    generator = random.Random(7)
    return [b'{"kind":"error","release":"shop@1.4.2","environment":"production",' * 2 + generator.randbytes(150)
            for _ in range(count)]  # fmt: skip


def read_bare(brokers: str, name: str, count: int, partition: int = 0) -> int:
    """Read a partition with nothing but the client, as it comes; returns how many records were read."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "bench", "enable.auto.commit": False})
    consumer.assign([TopicPartition(name, partition, 0)])
    seen = 0
    while seen < count:
        for message in consumer.consume(1000, 1.0):
            assert message.error() is None
            seen += bool(message.value())
    consumer.close()
    return seen


def read_log(brokers: str, prefix: str, count: int) -> None:
    """Read partition 0 as a dataflow does."""
    with closing(KafkaEventLog(brokers, prefix=prefix)) as log:
        seen = 0
        while seen < count:
            seen += len(log.read(_TOPIC, 0, seen, 1000))


def append_bare(brokers: str, name: str, batches: list[list[Append]]) -> None:
    """Hand everything to the client at once and look at no report: what no append that is answered can reach."""
    producer = Producer(
        {"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "compression.type": "lz4"}
    )
    for batch in batches:
        for record in batch:
            producer.produce(name, record.value, record.key, record.partition or 0)
        producer.poll(0)
    producer.flush(30)


class ThroughAio:
    """The appends of the client's own asyncio producer."""

    def __init__(self, brokers: str, name: str) -> None:
        settings = {"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 1}
        self._name, self._producer = (
            name,
            AIOProducer({**settings, "compression.type": "lz4"}, batch_size=_BATCH, buffer_timeout=0.005),
        )

    async def append(self, records: list[Append]) -> list[Message]:
        """Append, and wait for all reports."""
        sent = [
            await self._producer.produce(self._name, value=r.value, key=r.key, partition=r.partition) for r in records
        ]
        return list(await asyncio.gather(*sent))

    async def close(self) -> None:
        """Let go of it."""
        await self._producer.close()


async def append(
    opened: Callable[[], Appender | ThroughAio], batches: list[list[Append]], cost: Cost, waits: list[float]
) -> None:
    """Append all batches, as many at a time as the gateway does."""
    appender = opened()
    await appender.append(batches[0])  # connects
    call: Callable[[list[Append]], Awaitable[object]] = appender.append
    left = iter(batches[1:])

    async def write() -> None:
        for batch in left:
            begun = time.monotonic()
            await call(batch)
            waits.append(time.monotonic() - begun)

    with measured(cost, sum(map(len, batches[1:]))):
        await asyncio.gather(*(write() for _ in range(_WRITERS)))
    await appender.close()


def main(brokers: str) -> None:
    """Create topics of its own, and print a line for each measurement."""
    prefix = f"bench-{time.time_ns()}-"
    name = prefix + _TOPIC
    create_topics(brokers, partitions=_PARTITIONS, payload_days=1, prefix=prefix)
    records = [Append(_TOPIC, "1", value, 0) for value in values(_RECORDS)]
    with closing(KafkaEventLog(brokers, prefix=prefix)) as log:
        for start in range(0, _RECORDS, 10_000):
            log.append(records[start : start + 10_000])
        costs = {what: Cost() for what in ("bare consumer", "KafkaEventLog.read", "heads")}
        for _ in range(_ROUNDS):
            with measured(costs["bare consumer"], _RECORDS):
                read_bare(brokers, name, _RECORDS)
            with measured(costs["KafkaEventLog.read"], _RECORDS):
                read_log(brokers, prefix, _RECORDS)
            with measured(costs["heads"], 100):
                for _ in range(100):
                    log.heads(_TOPIC)
    batches = [
        [Append(_TOPIC, str(n), r.value, n % _PARTITIONS) for n, r in enumerate(records[start : start + _BATCH])]
        for start in range(0, _APPENDS, _BATCH)
    ]
    waits: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        with measured(costs.setdefault("bare producer, no answers", Cost()), _APPENDS):
            append_bare(brokers, name, batches)
        for what, opened in (
            ("KafkaAppender", partial(KafkaAppender, brokers, prefix=prefix)),
            ("confluent_kafka.aio", partial(ThroughAio, brokers, name)),
        ):
            cost, times = costs.setdefault(what, Cost()), waits.setdefault(what, [])
            uvloop.run(append(opened, batches, cost, times))
    for what, cost in costs.items():
        times = sorted(waits.get(what, ()))
        median = f"   a batch of {_BATCH} waits {times[len(times) // 2] * 1e3:.1f} ms" if times else ""
        print(f"{what:26} {cost.per_second:9,.0f} /s {cost.cpu_us:8.2f} µs of processor each{median}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with (
            tempfile.TemporaryDirectory(prefix="premortem-bench-") as directory,
            running_broker(Path(directory)) as address,
        ):
            main(address)
