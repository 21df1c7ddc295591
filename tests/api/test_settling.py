"""Settling ticks: one comes when a partition goes quiet, so its last error is judged, and none without an error."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from api.committer import Committer
from api.settling import Settling
from premortem.adapters.event_log.memory import MemoryAppender, MemoryEventLog
from premortem.domain.detection import Detector
from premortem.domain.detection.ordering import LATENESS_MS
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, SessionsCounted, Ticked, decode, encode
from premortem.exceptions import Unavailable
from premortem.ports import Append, Position
from tests.builders import NOW, error_seen
from tests.domain.detection.stream import sessions

RATE = 5.0
WAIT = LATENESS_MS / 1000 / RATE
"""The loop's seconds until a quiet partition is settled: the clock runs five times as fast."""


class Leaping(asyncio.SelectorEventLoop):
    """A loop whose time passes when everybody waits, and then at once: no machine is too slow for it."""

    def __init__(self) -> None:
        super().__init__(_NeverWaiting(self))
        self.seconds = 0.0

    def time(self) -> float:
        return self.seconds


class _NeverWaiting(selectors.SelectSelector):
    def __init__(self, loop: Leaping) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nobody waits for a time"
        self._loop.seconds += timeout
        return super().select(0)


class RunningClock:
    """Runs at RATE, or stands still."""

    def __init__(self, runs: bool = True) -> None:
        self._runs = runs

    def now(self) -> int:
        return NOW + int(asyncio.get_running_loop().time() * 1000 * RATE) * self._runs


class AwayForTicks(MemoryAppender):
    """Does not take the first tick."""

    refused = 0

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        if not self.refused and any(isinstance(decode(record.value), Ticked) for record in records):
            self.refused += 1
            raise Unavailable("the log is away.")
        return await super().append(records)


class World:
    """A committer over a memory log of four partitions, whose partitions are settled."""

    def __init__(self, appender: type[MemoryAppender] = MemoryAppender, runs: bool = True) -> None:
        self.log = MemoryEventLog(4)
        self.clock = RunningClock(runs)
        settling = Settling(self.clock, RATE)
        self.committer = Committer(appender(self.log), appended=settling.note)
        self.settling = settling

    async def send(self, number: int, partition: int = 0, kind: type[ProjectRecord] = ErrorSeen) -> ProjectRecord:
        at = self.clock.now()
        record: ProjectRecord = sessions(at, 3) if kind is SessionsCounted else error_seen(number, received_at=at)
        await self.committer.append([Append("sentry.events", "1", encode(record), partition)])
        return record

    def ticks(self, partition: int = 0) -> list[int]:
        records = [decode(each.value) for each in self.log.read("sentry.events", partition, 0, 10_000)]
        return [record.received_at for record in records if isinstance(record, Ticked)]


def run(scenario: Callable[[World], Awaitable[None]], world: World | None = None) -> World:
    world = world or World()

    async def main() -> None:
        settling = asyncio.create_task(world.settling.run(world.committer))
        await scenario(world)
        settling.cancel()

    with asyncio.Runner(loop_factory=Leaping) as runner:
        runner.run(main())
    return world


def test_the_last_error_of_a_partition_is_judged_soon_though_nothing_follows_it() -> None:
    async def scenario(world: World) -> None:
        await world.send(1, partition=2)
        await asyncio.sleep(WAIT / 2)
        assert world.ticks(2) == []
        await asyncio.sleep(WAIT)

    world = run(scenario)
    assert [len(world.ticks(partition)) for partition in range(4)] == [0, 0, 1, 0]
    detector = Detector()
    found = world.log.read("sentry.events", 2, 0, 10)
    assert [len(detector.observe(each.offset, decode(each.value))) for each in found] == [0, 1]


def test_while_errors_keep_coming_they_move_the_clock_themselves() -> None:
    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(number)
            await asyncio.sleep(WAIT / 4)
        assert world.ticks() == []
        await asyncio.sleep(2 * WAIT)

    assert len(run(scenario).ticks()) == 1


def test_what_finds_nothing_by_itself_needs_no_tick() -> None:
    async def scenario(world: World) -> None:
        await world.send(1, kind=SessionsCounted)
        await asyncio.sleep(3 * WAIT)

    assert run(scenario).ticks() == []


def test_a_tick_that_could_not_be_written_is_written_later() -> None:
    async def scenario(world: World) -> None:
        await world.send(1)
        await asyncio.sleep(4 * WAIT)

    assert len(run(scenario, World(AwayForTicks)).ticks()) == 1


def test_errors_that_keep_coming_while_the_clock_stands_are_judged_all_the_same() -> None:
    async def scenario(world: World) -> None:
        for number in range(24):
            await world.send(number)
            await asyncio.sleep(WAIT / 4)

    ticks = run(scenario, World(runs=False)).ticks()
    assert ticks
    assert set(ticks) == {NOW + LATENESS_MS}


def test_the_next_error_starts_the_wait_anew() -> None:
    async def scenario(world: World) -> None:
        for number in range(3):
            last = await world.send(number)
            await asyncio.sleep(2 * WAIT)
            assert world.ticks()[-1] >= last.received_at + LATENESS_MS

    assert len(run(scenario).ticks()) == 3
