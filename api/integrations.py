"""The senders of webhooks, remembered for a few seconds."""

import asyncio
from collections.abc import Sequence

from premortem.exceptions import Unavailable
from premortem.ports import Administration, Integration


class IntegrationCache:
    """All integrations; a stale list serves while the administration tables are away."""

    def __init__(self, administration: Administration, *, fresh_ms: int = 5_000) -> None:
        self._administration, self._fresh_ms = administration, fresh_ms
        self._read_at: int | None = None
        self._known: Sequence[Integration] = ()

    async def all(self, now: int) -> Sequence[Integration]:
        """Return the integrations, at most a few seconds old; `now` in ms. Raises Unavailable when never read."""
        if self._read_at is not None and now - self._read_at < self._fresh_ms:
            return self._known
        try:
            self._known = await asyncio.to_thread(self._administration.integrations)
            self._read_at = now
        except Unavailable:
            if self._read_at is None:
                raise
        return self._known
