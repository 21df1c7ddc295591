"""Events that a limit refused, on the log: a project that sends too much is not a project that became quiet.

They are added up, so that a flood costs one small record a project and minute, and nothing for each event.
"""

import asyncio
import logging
from collections import Counter

from api.committer import Committer
from premortem.domain import project_stream
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.project_stream import DropsCounted
from premortem.exceptions import Unavailable
from premortem.ports import Append, Clock, ProjectKey

_LOGGER = logging.getLogger(__name__)


class Refusals:
    """What was refused since it was last written, by project."""

    def __init__(self) -> None:
        self._refused: Counter[tuple[TenantId, ProjectId]] = Counter()

    def add(self, key: ProjectKey, events: int) -> None:
        """Count refused events of the key's project."""
        self._refused[key.tenant_id, key.project_id] += events

    async def write(self, committer: Committer, now: int) -> None:
        """Append a record for each project of which something was refused. Raises Unavailable; then it stays counted,
        and may stand twice if it was written all the same.
        """
        refused, self._refused = self._refused, Counter()
        if not refused:
            return
        try:
            await committer.append([_record(tenant, project, now, n) for (tenant, project), n in refused.items()])
        except Unavailable:
            self._refused += refused
            raise

    async def run(self, committer: Committer, clock: Clock, every_seconds: float) -> None:
        """Write what was refused, again and again."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.write(committer, clock.now())
            except Unavailable as exception:
                _LOGGER.warning("refusals not written: %s", exception)


def _record(tenant: TenantId, project: ProjectId, now: int, events: int) -> Append:
    record = DropsCounted(
        tenant_id=tenant,
        project_id=project,
        received_at=now,
        source="gateway",
        reason="rate_limited",
        category="error",
        quantity=events,
    )
    return Append("sentry.events", str(project), project_stream.encode(record))
