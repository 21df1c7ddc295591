"""The log's writing end in Kafka for an event loop: reports are fetched by the loop itself, no thread in between.

While an append is on its way the loop looks for reports every millisecond; it never waits for them. (The client's own
`confluent_kafka.aio` hands every record to a thread; `benchmarks.kafka` shows what that costs.)
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from premortem.adapters.event_log.kafka_client import DELIVERY_SECONDS
from premortem.adapters.event_log.kafka_producer import KafkaProducer, Pending
from premortem.adapters.event_log.kafka_topics import partition_counts, require
from premortem.ports import TOPICS, Append, Position, Topic

_POLL_SECONDS = 0.001


class KafkaAppender:
    """Appends to the topics of `KafkaEventLog`. To be used in one event loop.

    `crash` is called inside an append, between sending and the wait for the reports, by name.
    """

    def __init__(
        self,
        brokers: str,
        *,
        options: Mapping[str, str] | None = None,
        prefix: str = "",
        crash: Callable[[str], None] | None = None,
    ) -> None:
        self._brokers, self._options, self._prefix, self._crash = brokers, options or {}, prefix, crash
        self._producer = KafkaProducer(brokers, self._options, prefix)
        self._partitions: Mapping[Topic, int] = {}
        self._on_their_way = 0
        self._polling: asyncio.TimerHandle | None = None

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records and return when every report has come."""
        if not records:
            return []
        if len(self._partitions) < len(TOPICS):
            self._partitions = await asyncio.to_thread(partition_counts, self._brokers, self._options, self._prefix)
        pending = self._producer.send(records, partial(require, self._partitions))
        if self._crash:
            self._crash("event_log.before_flush")
        if pending.missing:
            await self._done(pending)
        return pending.positions()

    async def close(self) -> None:
        """Let go of the producer."""
        if self._polling:
            self._polling.cancel()
        self._producer.close()

    async def _done(self, pending: Pending) -> None:
        """Return when all reports are there, or when the last of them should have been."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        pending.when_done = partial(_settle, done)
        deadline = loop.call_later(DELIVERY_SECONDS + 1, pending.when_done)
        self._on_their_way += 1
        self._poll_soon()
        try:
            await done
        finally:
            deadline.cancel()
            self._on_their_way -= 1

    def _poll_soon(self) -> None:
        if self._polling is None:
            self._polling = asyncio.get_running_loop().call_later(_POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        self._polling = None
        self._producer.poll(0)
        if self._on_their_way:
            self._poll_soon()


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():  # the request was cancelled: its client is gone
        done.set_result(None)
