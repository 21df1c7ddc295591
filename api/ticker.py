"""The gateway's clock on the log: a tick to every partition of both topics, so that quiet is seen as time passes."""

import asyncio
import logging

from api.committer import Committer
from premortem.domain import project_stream, timeline
from premortem.exceptions import Unavailable
from premortem.ports import Append, Clock, EventLog

_LOGGER = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_RETENTION_SECONDS = 3600.0


def ticks(at: int, log: EventLog) -> list[Append]:
    """Return one tick for each partition of the project stream and of the timeline."""
    project_tick = project_stream.encode(project_stream.tick(at))
    timeline_tick = timeline.encode(timeline.TimelineTicked(at=at))
    return [
        *(Append("sentry.events", "", project_tick, p) for p in range(log.partitions("sentry.events"))),
        *(Append("debugging.timeline", "", timeline_tick, p) for p in range(log.partitions("debugging.timeline"))),
    ]


async def retain(log: EventLog, clock: Clock, days: int) -> None:
    """Once an hour, drop the bodies of whole days that are older than `days`; the truth topics are never touched."""
    while True:
        try:
            dropped = await asyncio.to_thread(log.trim, "sentry.payloads", clock.now() - days * _DAY_MS)
            if dropped:
                _LOGGER.info("dropped %d bodies older than %d days", dropped, days)
        except Unavailable as exception:
            _LOGGER.warning("retention not applied: %s", exception)
        await asyncio.sleep(_RETENTION_SECONDS)


async def run(log: EventLog, committer: Committer, clock: Clock, every_ms: int, rate: float = 1.0) -> None:
    """Append ticks for ever, one each `every_ms` of the clock; `rate` is how fast that clock runs.

    A tick that cannot be written is left out: the next one says more.
    """
    while True:
        try:
            await committer.append(ticks(clock.now(), log))
        except Unavailable as exception:
            _LOGGER.warning("tick not written: %s", exception)
        await asyncio.sleep(every_ms / 1000 / rate)
