"""Group commit: what arrives together is written together, and nobody suffers for his neighbour."""

import asyncio
from collections.abc import Sequence

import pytest

from api.committer import Committer
from premortem.adapters.event_log.memory import MemoryAppender, MemoryEventLog
from premortem.exceptions import Unavailable
from premortem.ports import Append, Position


class GatedAppender(MemoryAppender):
    """Writes when it is let, remembers its batches, and is away for those that hold a poisoned record."""

    def __init__(self, log: MemoryEventLog) -> None:
        super().__init__(log)
        self.gate = asyncio.Event()
        self.batches: list[list[bytes]] = []

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        self.batches.append([record.value for record in records])
        await self.gate.wait()
        if any(record.value == b"bug" for record in records):
            raise RuntimeError("a bug")
        if any(record.value == b"away" for record in records):
            raise Unavailable("the log is away.")
        return await super().append(records)


class World:
    """A committer over a gated log."""

    def __init__(self, **limits: int) -> None:
        self.log = MemoryEventLog(1)
        self.appender = GatedAppender(self.log)
        self.committer = Committer(self.appender, **limits)  # type: ignore[arg-type]

    def send(self, *values: bytes) -> "asyncio.Task[None]":
        return asyncio.create_task(self.committer.append([Append("sentry.events", "k", value, 0) for value in values]))

    def written(self) -> list[bytes]:
        return [record.value for record in self.log.read("sentry.events", 0, 0, 1000)]


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_arrives_while_a_batch_is_written_becomes_the_next_batch_in_its_order() -> None:
    async def scenario() -> None:
        world = World(writers=1)
        sent = [world.send(b"a")]
        await _settled()
        sent += [world.send(b"b", b"c"), world.send(b"d")]
        await _settled()
        world.appender.gate.set()
        await asyncio.gather(*sent)
        assert world.appender.batches == [[b"a"], [b"b", b"c", b"d"]]
        assert world.written() == [b"a", b"b", b"c", b"d"]

    asyncio.run(scenario())


def test_nobody_is_answered_before_his_records_are_written() -> None:
    async def scenario() -> None:
        world = World()
        sent = world.send(b"a")
        await _settled()
        assert not sent.done()
        world.appender.gate.set()
        await sent
        assert world.written() == [b"a"]

    asyncio.run(scenario())


@pytest.mark.parametrize("poison", [b"away", b"bug"])
def test_a_batch_that_fails_fails_its_own_requests_and_no_others(poison: bytes) -> None:
    async def scenario() -> None:
        world = World(writers=1)
        sent = [world.send(b"a")]
        await _settled()
        sent += [world.send(poison), world.send(b"b")]
        await _settled()
        world.appender.gate.set()
        results = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), Unavailable, Unavailable]
        await world.send(b"c")
        assert world.written() == [b"a", b"c"]

    asyncio.run(scenario())


def test_a_client_that_went_away_harms_nobody() -> None:
    async def scenario() -> None:
        world = World(writers=1)
        first, gone, stays = world.send(b"a"), world.send(b"b"), world.send(b"c")
        await _settled()
        gone.cancel()
        world.appender.gate.set()
        await asyncio.gather(first, stays)
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(scenario())


def test_more_than_may_wait_is_refused_and_what_waits_is_kept() -> None:
    async def scenario() -> None:
        world = World(writers=1, max_waiting_bytes=10)
        sent = [world.send(b"first")]
        await _settled()
        sent.append(world.send(b"x" * 10))
        await _settled()
        with pytest.raises(Unavailable):
            await world.send(b"y")
        world.appender.gate.set()
        await asyncio.gather(*sent)
        await world.send(b"y")
        assert world.written() == [b"first", b"x" * 10, b"y"]

    asyncio.run(scenario())


def test_a_batch_has_a_largest_size() -> None:
    async def scenario() -> None:
        world = World(writers=1, max_batch=2)
        sent = [world.send(b"a")]
        await _settled()
        sent += [world.send(value) for value in (b"b", b"c", b"d")]
        await _settled()
        world.appender.gate.set()
        await asyncio.gather(*sent)
        assert world.appender.batches == [[b"a"], [b"b", b"c"], [b"d"]]

    asyncio.run(scenario())


def test_closing_writes_what_waits() -> None:
    async def scenario() -> None:
        world = World(writers=1)
        sent = [world.send(b"a"), world.send(b"b")]
        await _settled()
        closing = asyncio.create_task(world.committer.close())
        await _settled()
        assert not closing.done()
        world.appender.gate.set()
        await closing
        assert world.written() == [b"a", b"b"]
        await asyncio.gather(*sent)

    asyncio.run(scenario())
