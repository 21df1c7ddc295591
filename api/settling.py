"""Settling: when a partition goes quiet, a tick tells detection that nothing more will come before its last error.

Detection lets records wait by the stream's clock (`premortem.domain.detection.ordering`), and only a later record moves
that clock. Where the next one is not at hand, the gateway that took the last one appends a tick.
"""

import asyncio
import logging
from collections.abc import Sequence

from msgspec import Struct

from api.committer import Committer
from premortem.domain import project_stream
from premortem.domain.detection.ordering import LATENESS_MS
from premortem.domain.project_stream import is_error
from premortem.exceptions import Unavailable
from premortem.ports import Append, Clock, Position

_LOGGER = logging.getLogger(__name__)
_SHORTEST_SECONDS = 0.05
_STUCK = 4
"""So many times as long as it should have taken, the clock may stand still before a tick says more than it does."""


class _Waiting(Struct):
    """A partition whose last errors wait; by the gateway's clock in ms, and by the event loop's in seconds."""

    since: int
    since_seconds: float
    last: int
    last_seconds: float


class Settling:
    """Knows which partitions of the project stream wait for time to pass; for one event loop."""

    def __init__(self, clock: Clock, rate: float = 1.0) -> None:
        """`rate` is how fast the clock runs."""
        self._clock = clock
        self._seconds = max(LATENESS_MS / 1000 / rate, _SHORTEST_SECONDS)
        self._waiting: dict[int, _Waiting] = {}
        self._some = asyncio.Event()

    def note(self, records: Sequence[Append], positions: Sequence[Position]) -> None:
        """Take note of what was appended, and where: errors wait from now on."""
        pairs = zip(records, positions, strict=True)
        where = {p.partition for r, p in pairs if r.topic == "sentry.events" and is_error(r.value)}
        if not where:
            return
        now, seconds = self._clock.now(), asyncio.get_running_loop().time()
        for partition in where:
            waiting = self._waiting.get(partition)
            if waiting is None or now - waiting.since >= LATENESS_MS:  # what came since has moved the stream's clock
                self._waiting[partition] = _Waiting(now, seconds, now, seconds)
            else:
                waiting.last, waiting.last_seconds = now, seconds
        self._some.set()

    async def run(self, committer: Committer) -> None:
        """Append a tick, for ever, to each partition that has been quiet for the lateness.

        A tick that cannot be written is tried again.
        """
        while True:
            await self._some.wait()
            due = min(map(self._due, self._waiting.values()))
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            try:
                await self._settle(committer)
            except Unavailable as exception:
                _LOGGER.warning("settling tick not written: %s", exception)
                await asyncio.sleep(self._seconds)

    async def _settle(self, committer: Committer) -> None:
        seconds = asyncio.get_running_loop().time()
        quiet = {p: waiting.last for p, waiting in self._waiting.items() if self._due(waiting) <= seconds}
        if not quiet:
            return
        now = self._clock.now()
        times = {partition: max(now, last + LATENESS_MS) for partition, last in quiet.items()}
        await committer.append([_tick(at, partition) for partition, at in times.items()])
        for partition in quiet:
            if self._waiting[partition].last_seconds <= seconds:  # nothing came meanwhile
                del self._waiting[partition]
        if not self._waiting:
            self._some.clear()

    def _due(self, waiting: _Waiting) -> float:
        """Return when a tick is due, by the loop's clock: once nothing came for the lateness, or the clock stands."""
        return min(waiting.last_seconds + self._seconds, waiting.since_seconds + _STUCK * self._seconds)


def _tick(at: int, partition: int) -> Append:
    return Append("sentry.events", "", project_stream.encode(project_stream.tick(at)), partition)
