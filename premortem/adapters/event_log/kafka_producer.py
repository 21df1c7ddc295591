"""Producing to Kafka: all records of an append checked first, then sent, and every delivery report looked at.

The producer is idempotent and waits for all replicas in sync, so within one append the records of a partition keep
their order, and an attempt that is repeated does not write twice. Both ends of the log use this one path for reports.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from premortem.adapters.event_log.kafka_client import DELIVERY_SECONDS, MAX_RECORD_BYTES, meaning, name_of, opened
from premortem.adapters.event_log.partitioner import place_of
from premortem.exceptions import Malformed, Permanent, PremortemException, Unavailable
from premortem.ports import Append, Position, Topic

_LOGGER = logging.getLogger("premortem.kafka")
_SETTINGS = {
    "acks": "all",
    "enable.idempotence": True,
    "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
    "request.timeout.ms": int(DELIVERY_SECONDS * 1000) // 2,
    "message.max.bytes": MAX_RECORD_BYTES + (64 << 10),  # what stands around a record
    "linger.ms": 1,
    "retry.backoff.ms": 50,
    "retry.backoff.max.ms": 500,
    "compression.type": "lz4",
    "queue.buffering.max.kbytes": 262_144,
}


class Pending:
    """An append on its way: its positions, when every report has come."""

    def __init__(self, places: Sequence[tuple[Topic, int]]) -> None:
        self._places = places
        self._offsets = [-1] * len(places)
        self.missing = len(places)
        self._failure: PremortemException | None = None
        self.when_done: Callable[[], None] | None = None

    def delivered(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Take in the report of one record: whatever goes wrong with a delivery ends here."""
        offset = message.offset()
        if error is not None:
            self.failed(meaning(error, self.place(index)))
        elif offset is None or offset < 0:
            self.failed(Unavailable(f"Kafka gave no offset for {self.place(index)}"))
        else:
            self._offsets[index] = offset
            self._count(1)

    def failed(self, failure: PremortemException, records: int = 1) -> None:
        """Note that so many records are not on the log, or may not be."""
        if self._failure is None or isinstance(self._failure, Permanent):
            self._failure = failure
        self._count(records)

    def positions(self) -> list[Position]:
        """Return where each record stands; raises what went wrong, and Unavailable when reports are missing.

        Malformed says that no record is on the log, so it is raised only then.
        """
        if self.missing:
            raise Unavailable(f"Kafka reported nothing about {self.missing} of {len(self._places)} records in time")
        if isinstance(self._failure, Permanent) and max(self._offsets) >= 0:
            raise Unavailable(f"{self._failure} Other records of the same append are on the log.") from self._failure
        if self._failure:
            raise self._failure
        return [Position(*place, offset) for place, offset in zip(self._places, self._offsets, strict=True)]

    def place(self, index: int) -> str:
        """Return where a record was to go, in words."""
        topic, partition = self._places[index]
        return f"{topic}/{partition}"

    def _count(self, records: int) -> None:
        self.missing -= records
        if not self.missing and self.when_done:
            self.when_done()


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
        places = [_checked(record, partitions(record.topic)) for record in records]
        pending = Pending(places)
        producer = self._open()
        for index, (record, (topic, partition)) in enumerate(zip(records, places, strict=True)):
            reported = partial(pending.delivered, index)
            try:
                producer.produce(name_of(topic, self._prefix), record.value, record.key, partition, reported)
            except (BufferError, KafkaException) as exception:
                pending.failed(self._refused(exception, pending.place(index)), len(records) - index)
                break
        return pending

    def poll(self, seconds: float) -> None:
        """Let reports arrive, waiting so long for the first one."""
        if self._producer is not None:
            self._serve(self._producer.poll, seconds)

    def close(self) -> None:
        """Let go of the producer. Appends that are still on their way fail."""
        if self._producer is not None:
            self._producer.purge()
            if left := self._serve(self._producer.flush, 1.0):
                _LOGGER.error("%d records were given up without a report", left)
            self._producer = None

    def _serve(self, call: Callable[[float], int], seconds: float) -> int:
        """Let the client tell what it has. Of a fatal error it tells by raising; the reports come behind that."""
        try:
            return call(seconds)
        except KafkaException as exception:
            self._on_error(exception.args[0])
            return 0

    def _open(self) -> Producer:
        if self._broken:
            self.close()
            self._broken = False
        if self._producer is None:
            self._producer = opened(Producer, self._brokers, self._options, {**_SETTINGS, "error_cb": self._on_error})
        return self._producer

    def _refused(self, exception: Exception, place: str) -> PremortemException:
        """Return what it means that the client did not take a record."""
        if not isinstance(exception, KafkaException):
            return Unavailable("too much is on its way to Kafka. Try again later.")
        self._on_error(exception.args[0])
        return meaning(exception.args[0], place)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._FATAL:
            self._broken = True  # it can no longer tell what was written: a new producer begins a new session


def _checked(record: Append, partitions: int) -> tuple[Topic, int]:
    """Return where a record goes; Malformed when it can never get there."""
    try:
        size = len(record.key.encode()) + len(record.value)
    except UnicodeEncodeError as exception:
        raise Malformed(f"a record's key is not text: {exception}") from exception
    if "\n" in record.key or "\0" in record.key:
        raise Malformed("a record's key is one line of text")
    if size > MAX_RECORD_BYTES:
        raise Malformed(f"a record of {size} bytes is larger than {record.topic} takes ({MAX_RECORD_BYTES}).")
    return place_of(record, partitions)
