"""The loop brings every task to an end, counts it, keeps what is worked on, and stops in time."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain.ids import FactId
from premortem.domain.tasks import BuildContext, ProposeFix
from premortem.domain.work import Ending, WorkTally
from premortem.exceptions import Unavailable
from premortem.ports import Received
from premortem.workers.in_hand import InHand
from premortem.workers.loop import Loop, Pace
from premortem.workers.retries import Retries
from tests.workers.bench import QUEUE, asked

FAST = Pace(visibility=60, wait=0, keep=0.02, goodbye=0.5, retries=Retries(first_seconds=0.0))


class Book:
    """What the loop told, added up."""

    def __init__(self) -> None:
        self.tallies: dict[str, WorkTally] = {}

    def note(self, told: Mapping[str, WorkTally]) -> None:
        for queue, tally in told.items():
            self.tallies[queue] = self.tallies.get(queue, WorkTally()) + tally


def ask(queue: MemoryTaskQueue, *causes: str) -> None:
    queue.send([asked(BuildContext, FactId(cause)) for cause in causes])


def run_until(done: Callable[[], bool], loop: Loop, stop: threading.Event, queues: Sequence[str] = (QUEUE,)) -> int:
    """Run the loop until something is so, and return its exit code."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.run, queues)
        deadline = time.monotonic() + 90
        while not done() and time.monotonic() < deadline and not running.done():
            time.sleep(0.01)
        stop.set()
        return running.result(timeout=90)


@pytest.mark.parametrize(
    ("ending", "left", "dead"), [("answered", 0, 0), ("deleted", 0, 0), ("buried", 0, 1)], ids=lambda x: x
)
def test_an_ending_settles_the_task_and_is_counted(ending: Ending, left: int, dead: int) -> None:
    queue, stop, book = MemoryTaskQueue(), threading.Event(), Book()
    ask(queue, "a")
    loop = Loop(queue, lambda _: ending, stop, pace=FAST, note=book.note)
    assert run_until(lambda: QUEUE in book.tallies and book.tallies[QUEUE].unfinished == 0, loop, stop) == 0
    assert (queue.depth(QUEUE), queue.depth(f"{QUEUE}-dlq")) == (left, dead)
    assert book.tallies == {QUEUE: WorkTally(**{"received": 1, ending: 1})}  # type: ignore[arg-type]


def test_a_task_that_is_given_back_waits_as_long_as_its_attempts_ask_for() -> None:
    seconds = [0.0]
    queue, stop, book = MemoryTaskQueue(now=lambda: seconds[0]), threading.Event(), Book()
    ask(queue, "a")
    tries: list[int] = []

    def fail(received: Received) -> Ending:
        tries.append(received.receive_count)
        return "retried"

    pace = Pace(visibility=60, wait=0, keep=0.02, retries=Retries(first_seconds=100, factor=2))
    loop = Loop(queue, fail, stop, pace=pace, note=book.note)
    assert run_until(lambda: QUEUE in book.tallies and book.tallies[QUEUE].retried == 1, loop, stop) == 0
    wait = pace.retries.wait(asked(BuildContext, FactId("a")).id, 1)
    seconds[0] = wait - 0.5
    assert queue.receive(QUEUE, 1, 60) == []
    seconds[0] = wait
    assert [r.receive_count for r in queue.receive(QUEUE, 1, 60)] == [2]


def test_every_queue_is_read_and_a_slow_one_holds_up_no_other() -> None:
    queue, stop, slow = MemoryTaskQueue(), threading.Event(), threading.Event()
    ask(queue, "a")
    queue.send([asked(ProposeFix, FactId("b"))])

    def work(received: Received) -> Ending:
        if isinstance(received.task, BuildContext):
            slow.wait(90)
        return "answered"

    loop = Loop(queue, work, stop, pace=FAST)
    run_until(lambda: queue.depth("fix-tasks") == 0, loop, stop, (QUEUE, "fix-tasks"))
    assert (queue.depth("fix-tasks"), queue.depth(QUEUE)) == (0, 1)
    slow.set()


def test_a_queue_that_does_not_answer_is_asked_again() -> None:
    class Flaky(MemoryTaskQueue):
        failures = 2

        def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Any:
            if self.failures:
                self.failures -= 1
                raise Unavailable("the queue is away.") if self.failures else KeyError("a fault of ours")
            return super().receive(queue, limit, visibility_seconds, wait_seconds)

    queue, stop = Flaky(), threading.Event()
    ask(queue, "a")
    run_until(lambda: queue.depth(QUEUE) == 0, Loop(queue, lambda _: "answered", stop, pace=FAST), stop)
    assert queue.depth(QUEUE) == 0


def test_a_task_that_cannot_be_deleted_stops_nothing() -> None:
    class Sticky(MemoryTaskQueue):
        def delete(self, queue: str, receipts: Sequence[str]) -> None:
            raise Unavailable("the queue is away.")

    queue, stop, book = Sticky(), threading.Event(), Book()
    ask(queue, "a", "b")
    loop = Loop(queue, lambda _: "answered", stop, pace=FAST, note=book.note)
    run_until(lambda: QUEUE in book.tallies and book.tallies[QUEUE].answered == 2, loop, stop)
    assert book.tallies[QUEUE].answered == 2


def test_what_is_worked_on_for_longer_than_its_visibility_is_handed_to_nobody_else() -> None:
    queue, stop = MemoryTaskQueue(), threading.Event()
    ask(queue, "a")
    handed: list[str] = []

    def work(received: Received) -> Ending:
        handed.append(received.receipt)
        time.sleep(4.2)
        return "answered"

    loop = Loop(queue, work, stop, pace=Pace(visibility=3, wait=0, keep=0.05))
    stolen: list[Received] = []

    def look() -> bool:
        stolen.extend(queue.receive(QUEUE, 1, 60) if handed else ())
        return queue.depth(QUEUE) == 0

    run_until(look, loop, stop)
    assert (len(handed), stolen, queue.depth(QUEUE)) == (1, [], 0)


def test_a_visibility_that_cannot_be_extended_is_tried_again_and_one_that_is_lost_is_left() -> None:
    seconds = [0.0]
    queue = MemoryTaskQueue(now=lambda: seconds[0])
    ask(queue, "a")
    (held,) = queue.receive(QUEUE, 1, 30)
    failures = [Unavailable("away")]

    class Flaky(MemoryTaskQueue):
        def extend(self, name: str, receipt: str, visibility_seconds: int) -> None:
            if failures:
                raise failures.pop()
            queue.extend(name, receipt, visibility_seconds)

    in_hand = InHand(Flaky(), 30, monotonic=lambda: seconds[0])
    with in_hand.holding(QUEUE, held):
        for seconds[0] in (11.0, 12.0, 41.0, 50.0):
            in_hand.keep()
        assert queue.receive(QUEUE, 1, 60) == []
        assert in_hand.longest_seconds() == 50.0
        seconds[0] = 200.0
        (_other,) = queue.receive(QUEUE, 1, 60)
        in_hand.keep()
        seconds[0] = 201.0
        in_hand.keep()
    assert in_hand.longest_seconds() == 0.0
    seconds[0] = 270.0
    assert len(queue.receive(QUEUE, 1, 60)) == 1


def test_a_worker_that_is_told_to_stop_finishes_what_it_has_in_hand() -> None:
    queue, stop = MemoryTaskQueue(), threading.Event()
    ask(queue, "a", "b")
    begun = threading.Event()

    def work(_: Received) -> Ending:
        begun.set()
        time.sleep(0.3)
        return "answered"

    assert run_until(begun.is_set, Loop(queue, work, stop, pace=FAST), stop) == 0
    assert queue.depth(QUEUE) == 1


def test_work_that_does_not_end_is_left_after_a_while_and_its_task_is_still_there() -> None:
    queue, stop, book = MemoryTaskQueue(), threading.Event(), Book()
    ask(queue, "a")
    begun, ended = threading.Event(), threading.Event()

    def work(_: Received) -> Ending:
        begun.set()
        ended.wait(90)
        return "answered"

    started = time.monotonic()
    assert run_until(begun.is_set, Loop(queue, work, stop, pace=FAST, note=book.note), stop) == 0
    assert time.monotonic() - started < 30
    assert queue.depth(QUEUE) == 1
    assert book.tallies[QUEUE].unfinished == 1
    ended.set()


def test_a_task_that_comes_while_the_worker_stops_is_given_back_at_once() -> None:
    queue, stop, book = MemoryTaskQueue(), threading.Event(), Book()

    class Late(MemoryTaskQueue):
        def receive(self, name: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Any:
            stop.set()
            return queue.receive(name, limit, visibility_seconds)

        extend = queue.extend

    ask(queue, "a")
    loop = Loop(Late(), lambda _: "answered", stop, pace=FAST, note=book.note)
    run_until(stop.is_set, loop, stop)
    assert [r.receive_count for r in queue.receive(QUEUE, 1, 60)] == [2]
    assert book.tallies[QUEUE] == WorkTally(received=1, retried=1)


def test_a_worker_whose_work_hangs_ends_with_a_failure_so_that_another_takes_its_place() -> None:
    queue, stop = MemoryTaskQueue(), threading.Event()
    ask(queue, "a")
    ended = threading.Event()

    def hang(_: Received) -> Ending:
        ended.wait(90)
        return "answered"

    pace = Pace(visibility=60, wait=0, keep=0.02, longest=0.2)
    assert run_until(lambda: False, Loop(queue, hang, stop, pace=pace), stop) == 1
    ended.set()


def test_what_could_not_be_told_is_told_the_next_time() -> None:
    queue, stop, book = MemoryTaskQueue(), threading.Event(), Book()
    ask(queue, "a")
    failures = [Unavailable("away"), Unavailable("away")]

    def note(told: Mapping[str, WorkTally]) -> None:
        if told and failures:
            raise failures.pop()
        book.note(told)

    loop = Loop(queue, lambda _: "answered", stop, pace=FAST, note=note)
    run_until(lambda: QUEUE in book.tallies, loop, stop)
    assert (failures, book.tallies) == ([], {QUEUE: WorkTally(received=1, answered=1)})
