"""Producing to Kafka: all records of an append checked first, then sent, and every delivery report looked at.

The producer is idempotent and waits for all replicas in sync, so within one append the records of a partition keep
their order, and an attempt that is repeated does not write twice. Both ends of the log use this one path for reports.
"""

from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, Message, Producer

from premortem.adapters.event_log.kafka_client import (
    DELIVERY_SECONDS,
    MAX_VALUE_BYTES,
    client_settings,
    meaning,
    name_of,
    translated,
)
from premortem.adapters.event_log.partitioner import place_of
from premortem.exceptions import Malformed, PremortemException, Unavailable
from premortem.ports import Append, Position, Topic

_HEADROOM_BYTES = 64 << 10


class Pending:
    """An append on its way: its positions, when every report has come."""

    def __init__(self, places: Sequence[tuple[Topic, int]]) -> None:
        self._places = places
        self._offsets = [-1] * len(places)
        self.missing = len(places)
        self.failure: PremortemException | None = None
        self.when_done: Callable[[], None] | None = None

    def delivered(self, index: int, error: KafkaError | None, message: Message | None) -> None:
        """Take in the report of one record."""
        offset = message.offset() if message is not None else None
        if error is not None:
            self.failed(meaning(error, self._place(index)))
        elif offset is None or offset < 0:
            self.failed(Unavailable(f"Kafka gave no offset for {self._place(index)}"))
        else:
            self._offsets[index] = offset
            self._count()

    def failed(self, failure: PremortemException) -> None:
        """Note that one record is not on the log: whatever goes wrong with a delivery ends here."""
        self.failure = self.failure or failure
        self._count()

    def _count(self) -> None:
        self.missing -= 1
        if not self.missing and self.when_done:
            self.when_done()

    def positions(self) -> list[Position]:
        """Return where each record stands; raises the first failure, and Unavailable when reports are missing."""
        if self.failure:
            raise self.failure
        if self.missing:
            raise Unavailable(f"Kafka reported nothing about {self.missing} of {len(self._places)} records in time")
        return [Position(*place, offset) for place, offset in zip(self._places, self._offsets, strict=True)]

    def _place(self, index: int) -> str:
        topic, partition = self._places[index]
        return f"{topic}/{partition}"


class KafkaProducer:
    """One idempotent producer, replaced when it can no longer keep its promise. Not thread-safe."""

    def __init__(self, brokers: str, options: Mapping[str, str], prefix: str) -> None:
        self._brokers, self._options, self._prefix = brokers, options, prefix
        self._producer: Producer | None = None
        self._broken = False

    def send(self, records: Sequence[Append], partitions: Callable[[Topic], int]) -> Pending:
        """Hand all records over for delivery, or none: Malformed when one of them can never be delivered.

        Then call `poll` until the pending append is done.
        """
        places = [place_of(record, partitions(record.topic)) for record in records]
        for record in records:
            _check(record)
        pending = Pending(places)
        producer = self._open()
        for index, (record, (topic, partition)) in enumerate(zip(records, places, strict=True)):
            self._send_one(producer, pending, index, record, name_of(topic, self._prefix), partition)
        return pending

    def poll(self, seconds: float) -> None:
        """Let reports arrive, waiting so long for the first one."""
        if self._producer is not None:
            self._producer.poll(seconds)

    def close(self) -> None:
        """Let go of the producer. Appends that are still on their way are given up."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1.0)
            self._producer = None

    def _open(self) -> Producer:
        if self._broken:
            self.close()
            self._broken = False
        if self._producer is None:
            self._producer = Producer(
                {
                    **client_settings(self._brokers, self._options),
                    "acks": "all",
                    "enable.idempotence": True,
                    "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
                    "request.timeout.ms": int(DELIVERY_SECONDS * 1000) // 2,
                    "message.max.bytes": MAX_VALUE_BYTES + _HEADROOM_BYTES,
                    "linger.ms": 1,
                    "retry.backoff.ms": 50,
                    "retry.backoff.max.ms": 500,
                    "compression.type": "lz4",
                    "queue.buffering.max.kbytes": 262_144,
                    "error_cb": self._on_error,
                }
            )
        return self._producer

    def _send_one(
        self, producer: Producer, pending: Pending, index: int, record: Append, name: str, partition: int
    ) -> None:
        def on_delivery(error: KafkaError | None, message: Message | None) -> None:
            pending.delivered(index, error, message)

        try:
            with translated(f"{record.topic}/{partition}"):
                producer.produce(name, record.value, record.key, partition, on_delivery)
        except BufferError:
            pending.failed(Unavailable("too much is on its way to Kafka. Try again later."))
        except PremortemException as failure:
            pending.failed(failure)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():  # this producer can no longer tell what was written: a new one begins a new session
            self._broken = True


def _check(record: Append) -> None:
    if "\n" in record.key or "\0" in record.key:
        raise Malformed("a record's key is one line of text")
    if len(record.value) > MAX_VALUE_BYTES:
        raise Malformed(
            f"a record of {len(record.value)} bytes is larger than {record.topic} takes ({MAX_VALUE_BYTES})."
        )
