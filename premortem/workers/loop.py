"""The loop of every queue: receive, work, say what came of it, delete; and the end of it within ten seconds."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock, Thread

from msgspec import Struct

from premortem.domain.work import Ending, WorkTally
from premortem.exceptions import PremortemException
from premortem.ports import Received, TaskQueue
from premortem.workers.in_hand import InHand
from premortem.workers.retries import Retries

_LOGGER = logging.getLogger(__name__)
_ONE: Mapping[Ending, WorkTally] = {
    "answered": WorkTally(answered=1),
    "deleted": WorkTally(deleted=1),
    "retried": WorkTally(retried=1),
    "buried": WorkTally(buried=1),
}


class Pace(Struct, frozen=True, kw_only=True):
    """How a worker goes about it; in seconds."""

    visibility: int = 60
    """A task of a worker that was killed is handed out again after so long."""
    wait: int = 5
    """How long to wait for a task; nothing cuts it short."""
    keep: float = 1.0
    """How often what is in hand is looked after."""
    longest: float = 3600.0
    """Work that takes longer hangs: the worker ends, so that a fresh one takes its place."""
    goodbye: float = 8.0
    """How long work may go on after the worker was told to stop."""
    retries: Retries = Retries()


class Loop:
    """A worker: so many threads a queue, each with one task in hand, and one that looks after all of them."""

    def __init__(
        self,
        tasks: TaskQueue,
        attempt: Callable[[Received], Ending],
        stop: Event,
        *,
        pace: Pace = Pace(),  # noqa: B008 -- frozen
        note: Callable[[Mapping[str, WorkTally]], None] = lambda _: None,
    ) -> None:
        """`note` is told about once a second that the worker lives, with what became of tasks since the last time; what
        it raises is written to the log, and the tallies are told again.
        """
        self._tasks, self._attempt, self._stop, self._pace, self._note = tasks, attempt, stop, pace, note
        self._in_hand = InHand(tasks, pace.visibility)
        self._lock = Lock()
        self._tallies: dict[str, WorkTally] = {}

    def run(self, queues: Sequence[str], threads: int = 1) -> int:
        """Work until `stop` is set and what is in hand is done, or its time is over; return the exit code.

        1 = work hung. A thread may be left that still works: leave with `os._exit`, its task is handed out again.
        """
        all_threads = [
            Thread(target=self._serve, args=(queue,), name=f"{queue}-{number}", daemon=True)
            for queue in queues
            for number in range(threads)
        ]
        for thread in all_threads:
            thread.start()
        hung = False
        while not self._stop.wait(self._pace.keep) and not hung:
            hung = self._look_after()
        self._stop.set()
        deadline = time.monotonic() + self._pace.goodbye
        while any(thread.is_alive() for thread in all_threads) and time.monotonic() < deadline and not hung:
            time.sleep(0.05)
            self._in_hand.keep()
        self._tell()
        return int(hung)

    def _serve(self, queue: str) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                received = self._tasks.receive(queue, 1, self._pace.visibility, self._pace.wait)
                failures = 0
            except Exception as problem:
                failures += 1
                _LOGGER.warning("%s: %s", queue, problem, exc_info=not isinstance(problem, PremortemException))
                self._stop.wait(min(5.0, 0.1 * 2 ** min(failures, 10)))
                continue
            for each in received:
                self._take(queue, each)

    def _take(self, queue: str, received: Received) -> None:
        self._count(queue, WorkTally(received=1))
        ending: Ending = "retried"
        wait = 0
        if not self._stop.is_set():
            with self._in_hand.holding(queue, received):
                ending = self._attempt(received)
            wait = self._pace.retries.wait(received.task.id, received.receive_count)
        try:
            self._settle(queue, received, ending, wait)
        except Exception as problem:  # noqa: BLE001 -- the task comes back by itself, and is then seen to be answered
            _LOGGER.warning("%s: task %s was %s, and stays: %s", queue, received.task.id, ending, problem)
        self._count(queue, _ONE[ending])

    def _settle(self, queue: str, received: Received, ending: Ending, wait: int) -> None:
        match ending:
            case "answered" | "deleted":
                self._tasks.delete(queue, [received.receipt])
            case "retried":
                self._tasks.extend(queue, received.receipt, wait)
            case "buried":
                self._tasks.bury(queue, received)

    def _look_after(self) -> bool:
        """Keep what is in hand hidden, and say that the worker lives; return whether some work hangs."""
        self._in_hand.keep()
        self._tell()
        if self._in_hand.longest_seconds() <= self._pace.longest:
            return False
        _LOGGER.error("work on a task takes longer than %.0f s: it hangs", self._pace.longest)
        return True

    def _count(self, queue: str, tally: WorkTally) -> None:
        with self._lock:
            self._tallies[queue] = self._tallies.get(queue, WorkTally()) + tally

    def _tell(self) -> None:
        with self._lock:
            told, self._tallies = self._tallies, {}
        try:
            self._note(told)
        except Exception as problem:  # noqa: BLE001 -- what operators are told must not stop the work
            _LOGGER.warning("the worker's book could not be written: %s", problem)
            for queue, tally in told.items():
                self._count(queue, tally)
