"""A cursor: a consumer that stands at one place in one partition, and reads on from there."""

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, Message, TopicPartition

from premortem.adapters.event_log.kafka_client import WAIT_SECONDS, meaning, opened, translated
from premortem.exceptions import OffsetLost, Unavailable
from premortem.ports import LogRecord

_SETTINGS = {
    "group.id": "premortem",  # the client wants one; no group is ever joined, no offset ever committed
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "check.crcs": True,
    "queued.max.messages.kbytes": 4096,
    "fetch.queue.backoff.ms": 2,  # the default of 1 s would be a speed limit of 4 MiB a second
    "fetch.error.backoff.ms": 100,
}


class KafkaCursor:
    """Reads one partition of the topic `name`; a read that goes on where the last one ended costs no seek.

    One consumer a partition: librdkafka reads ahead for it, at most 4 MiB, in threads of its own that do not need ours.
    Not thread-safe.
    """

    def __init__(self, brokers: str, options: Mapping[str, str], name: str, partition: int) -> None:
        self._name, self._partition = name, partition
        self.offset = -1
        """Where the next record is expected; -1 = nowhere yet."""
        self._consumer: Consumer = opened(Consumer, brokers, options, _SETTINGS)

    def read(self, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on, one at least: it is to be asked only where there is one.

        Raises OffsetLost when `offset` is no longer there, or records behind it are missing; Unavailable when nothing
        comes in time, and what comes later is there for the next read.
        """
        place = f"{self._name}/{self._partition}"
        with translated(place):
            if offset != self.offset:
                self._consumer.assign([TopicPartition(self._name, self._partition, offset)])
                self.offset = offset
            messages = self._consumer.consume(1, WAIT_SECONDS)
            if messages and limit > 1:
                messages += self._consumer.consume(limit - 1, 0)
        if not messages:
            raise Unavailable(f"Kafka, {place}: nothing came from offset {offset} on within {WAIT_SECONDS:.0f} s")
        records = []
        for message in messages:
            if (error := message.error()) is not None:
                self.offset = -1  # what was taken from the client and not handed out is fetched again
                raise meaning(error, place)
            record = _record(message)
            if record.offset != self.offset:
                raise OffsetLost(f"{place} has no record at {self.offset}: the next one is {record.offset}.")
            self.offset += 1
            records.append(record)
        return records

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


def _record(message: Message) -> LogRecord:
    key = message.key()
    value = message.value()
    return LogRecord(
        message.partition() or 0,
        message.offset() or 0,
        key.decode() if isinstance(key, bytes) else key or "",
        value if isinstance(value, bytes) else (value or "").encode(),
        message.timestamp()[1],
    )
