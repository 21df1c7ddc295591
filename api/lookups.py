"""What the gateway knows by heart: answers of the administration tables, so that it takes events without PostgreSQL.

A request never waits for the tables when the answer was known a moment ago, and never long when it was not.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from premortem.exceptions import Unavailable

V = TypeVar("V")


class Lookups(Generic[V]):
    """Remembers answers for `fresh_ms`. Behind that each is asked for again, once at a time:

    - until `at_once_ms` the old answer serves meanwhile, so that tables that hang stall nobody who sends steadily;
    - later, the request waits for the new one, at most `wait_seconds`, and then makes do with the old one.

    So a key that was disabled is refused after `fresh_ms` and one more request, or at once when it was quiet for long.
    An answer of None (no such key) never serves meanwhile: it may just have been made.

    Bounded: a flood of made-up names pushes out other entries, and more than `at_once` questions are refused.
    """

    def __init__(
        self,
        ask: Callable[[str], V],
        *,
        fresh_ms: int = 5_000,
        at_once_ms: int = 60_000,
        wait_seconds: float = 1.0,
        size: int = 10_000,
        at_once: int = 64,
    ) -> None:
        self._ask, self._fresh_ms, self._at_once_ms, self._wait_seconds = ask, fresh_ms, at_once_ms, wait_seconds
        self._size, self._at_once = size, at_once
        self._answers: OrderedDict[str, tuple[int, V]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[V]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="lookups")

    async def find(self, name: str, now: int) -> V:
        """Return the answer; `now` in ms. Raises Unavailable when it was never had and does not come in time."""
        known = self._answers.get(name)
        age = now - known[0] if known else None
        if known and age is not None and age < self._fresh_ms:
            return known[1]
        asking = self._ask_once(name, now)
        if known and known[1] is not None and age is not None and age < self._at_once_ms:
            return known[1]
        if asking:
            await asyncio.wait([asking], timeout=self._wait_seconds)
            if asking.done():
                return asking.result()
        if known is None:
            raise Unavailable("the administration tables do not answer. Try again later.")
        self._remember(name, now, known[1])  # asked in vain is asked: the next request does not wait again
        return known[1]

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask_once(self, name: str, now: int) -> "asyncio.Task[V] | None":
        """Return the question that is on its way, a new one, or None when too many are."""
        asking = self._asking.get(name)
        if asking is None and len(self._asking) < self._at_once:
            asking = self._asking[name] = asyncio.create_task(self._learn(name, now))
            asking.add_done_callback(lambda done: self._asked(name, done))
        return asking

    async def _learn(self, name: str, now: int) -> V:
        """Return the new answer, or the old one when the tables are away."""
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, name)
        except Unavailable:
            if name not in self._answers:
                raise
            answer = self._answers[name][1]
        self._remember(name, now, answer)
        return answer

    def _asked(self, name: str, done: "asyncio.Task[V]") -> None:
        del self._asking[name]
        if not done.cancelled():
            done.exception()  # whoever waited has it; when nobody did, it is no news

    def _remember(self, name: str, now: int, answer: V) -> None:
        self._answers[name] = (now, answer)
        self._answers.move_to_end(name)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
