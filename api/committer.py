"""Group commit: requests that arrive together are made durable together, in one append to the log."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from premortem.exceptions import PremortemException, Unavailable
from premortem.ports import Append, Appender, Position


class Committer:
    """Collects records of many requests and appends them in batches; each request waits for its own batch.

    While one batch is being written the next one gathers, so the batch grows with the load and nobody waits for a
    timer. At most `max_waiting_bytes` wait; more is refused with Unavailable, which the gateway answers with 503.
    """

    def __init__(
        self,
        appender: Appender,
        *,
        writers: int = 2,
        max_batch: int = 512,
        max_waiting_bytes: int = 64 << 20,
        crash: Callable[[str], None] | None = None,
        appended: Callable[[Sequence[Append], Sequence[Position]], None] | None = None,
    ) -> None:
        """`appended` is told of each batch that is durable, and where its records stand."""
        self._appender, self._max_batch, self._max_waiting_bytes = appender, max_batch, max_waiting_bytes
        self._waiting: deque[tuple[Sequence[Append], asyncio.Future[None]]] = deque()
        self._waiting_bytes = 0
        self._writers = writers
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._crash = crash or (lambda _: None)
        self._appended = appended or (lambda _batch, _positions: None)
        self._tasks: set[asyncio.Task[None]] = set()

    async def append(self, records: Sequence[Append]) -> None:
        """Return when the records are durable; raises Unavailable when they are not, or when too many wait."""
        size = sum(len(record.value) for record in records)
        if self._waiting_bytes + size > self._max_waiting_bytes:
            raise Unavailable("too much is waiting for the log. Try again later.")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        self._waiting_bytes += size
        if self._busy < self._writers:
            self._start_writer()
        await done

    async def close(self) -> None:
        """Write what waits, then stop."""
        await self._idle.wait()

    def _start_writer(self) -> None:
        self._busy += 1
        self._idle.clear()
        task = asyncio.get_running_loop().create_task(self._write())
        self._tasks.add(task)  # the loop itself keeps no strong reference to a task
        task.add_done_callback(self._tasks.discard)

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, futures = self._gather()
                try:
                    self._crash("gateway.before_append")
                    positions = await self._appender.append(batch)
                    self._crash("gateway.after_append")
                    self._appended(batch, positions)
                except PremortemException as exception:
                    _settle(futures, exception)
                except Exception as exception:  # noqa: BLE001 -- a bug in an adapter must not leave requests waiting
                    _settle(futures, Unavailable(f"append failed: {exception!r}"))
                else:
                    _settle(futures, None)
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    def _gather(self) -> tuple[list[Append], list[asyncio.Future[None]]]:
        batch: list[Append] = []
        futures = []
        while self._waiting and len(batch) < self._max_batch:
            records, done = self._waiting.popleft()
            batch.extend(records)
            futures.append(done)
        self._waiting_bytes -= sum(len(record.value) for record in batch)
        return batch, futures


def _settle(futures: Sequence[asyncio.Future[None]], exception: PremortemException | None) -> None:
    for future in futures:
        if future.done():  # the request was cancelled: its client is gone
            continue
        if exception is None:
            future.set_result(None)
        else:
            future.set_exception(exception)
