"""Threads for statements, and the deadline that lets a caller go while a statement that will not end is ended."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from premortem.embedded.clickhouse.answer import TIMEOUT_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, Refused

T = TypeVar("T")

GRACE_SECONDS = 1.0
"""The engine itself ends a statement at its deadline; one that has not noticed so much later is left alone."""


class Gone(Exception):
    """The client left, or stopped reading, before the answer was complete."""


class Workers:
    """A few threads, and a bounded line of calls that wait for one. Insertions and questions get one each."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._most, self._taken = threads + waiting, 0

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """Run the call in a thread; Refused when too many wait already. From the event loop only."""
        if self._taken >= self._most:
            raise Refused(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous queries. Maximum: {self._most}",
            )
        self._taken += 1
        loop = asyncio.get_running_loop()
        future = self._pool.submit(call)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))
        return future

    def _release(self) -> None:
        self._taken -= 1

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Deadline:
    """The end of one request's patience, and its client's presence."""

    def __init__(self, seconds: float, gone: "asyncio.Future[None]") -> None:
        self._seconds, self._end = seconds, monotonic() + seconds + GRACE_SECONDS
        self._gone = gone

    async def wait(self, call: "Future[T]") -> T:
        """Return what the call returns. Raises Gone, or Refused at the deadline, and leaves the call running."""
        wrapped = asyncio.wrap_future(call)
        wrapped.add_done_callback(_taken_note_of)
        either: set[asyncio.Future[Any]] = {wrapped, self._gone}
        await asyncio.wait(either, timeout=self._end - monotonic(), return_when=asyncio.FIRST_COMPLETED)
        if wrapped.done():
            return wrapped.result()
        if self._gone.done():
            raise Gone
        raise Refused(TIMEOUT_EXCEEDED, "TIMEOUT_EXCEEDED", f"Timeout exceeded: maximum: {self._seconds * 1000:.0f} ms")

    async def send(self, sending: Awaitable[None]) -> None:
        """Wait until a piece is on its way. Raises Gone for a client that has not taken it by the deadline."""
        try:
            await asyncio.wait_for(sending, self._end - monotonic())
        except TimeoutError as problem:
            raise Gone from problem


def _taken_note_of(future: "asyncio.Future[T]") -> None:
    """Look at the exception of a call that nobody waits for any more, or asyncio would complain of it."""
    if not future.cancelled():
        future.exception()
