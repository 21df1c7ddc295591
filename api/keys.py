"""Looking up DSN keys: from a small cache in front of the administration tables."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from premortem.exceptions import Unavailable
from premortem.ports import Administration, ProjectKey


class KeyCache:
    """Remembers keys, known and unknown, for a few seconds; a stale answer serves while the tables are away.

    Bounded: a flood of made-up keys pushes out other entries and costs one lookup each, never memory.
    """

    def __init__(self, administration: Administration, *, fresh_ms: int = 5_000, size: int = 10_000) -> None:
        self._administration, self._fresh_ms, self._size = administration, fresh_ms, size
        self._entries: OrderedDict[str, tuple[int, ProjectKey | None]] = OrderedDict()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="keys")

    async def find(self, public_key: str, now: int) -> ProjectKey | None:
        """Return the key or None; `now` in ms. Raises Unavailable when it was never seen and cannot be looked up."""
        entry = self._entries.get(public_key)
        if entry is not None and now - entry[0] < self._fresh_ms:
            return entry[1]
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, self._administration.key, public_key)
        except Unavailable:
            if entry is None:
                raise
            found = entry[1]
        self._entries[public_key] = (now, found)
        self._entries.move_to_end(public_key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return found

    def close(self) -> None:
        """Stop the lookups' threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
