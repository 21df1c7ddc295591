"""Every book of workers keeps the promise of `ports.WorkerBook`."""

import threading
import time
from collections.abc import Iterator

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.worker_book.memory import MemoryWorkerBook
from premortem.adapters.worker_book.postgres import PostgresWorkerBook
from premortem.domain.work import WorkTally
from premortem.ports import WorkerBook


@pytest.fixture(params=["memory", "postgres"])
def book(request: pytest.FixtureRequest) -> Iterator[WorkerBook]:
    if request.param == "memory":
        yield MemoryWorkerBook()
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=4)
    yield PostgresWorkerBook(pool)
    pool.close()


def test_nobody_has_said_anything_yet(book: WorkerBook) -> None:
    assert (dict(book.readers(60)), dict(book.tallies())) == ({}, {})


def test_the_readers_of_a_queue_are_counted_as_they_said_last(book: WorkerBook) -> None:
    book.note("a", ["rca-tasks", "fix-tasks"], {})
    book.note("b", ["rca-tasks"], {})
    book.note("b", ["rca-tasks", "fix-tasks"], {})
    book.note("b", ["rca-tasks"], {})
    assert dict(book.readers(60)) == {"rca-tasks": 2, "fix-tasks": 1}


def test_whoever_was_not_heard_of_lately_or_has_left_reads_nothing(book: WorkerBook) -> None:
    book.note("a", ["rca-tasks"], {})
    time.sleep(2.1)
    book.note("b", ["rca-tasks"], {})
    assert dict(book.readers(2)) == {"rca-tasks": 1}
    book.leave("b")
    book.leave("nobody")
    assert dict(book.readers(60)) == {"rca-tasks": 1}


def test_what_became_of_tasks_adds_up_over_all_workers(book: WorkerBook) -> None:
    book.note("a", [], {"rca-tasks": WorkTally(received=3, answered=1, retried=1)})
    book.note("b", [], {"rca-tasks": WorkTally(received=2, deleted=1, buried=2), "fix-tasks": WorkTally(received=1)})
    found = dict(book.tallies())
    assert found["rca-tasks"] == WorkTally(received=5, answered=1, deleted=1, retried=1, buried=2)
    assert found["rca-tasks"].unfinished == 0
    assert found["fix-tasks"].unfinished == 1


def test_workers_that_write_at_once_lose_no_count(book: WorkerBook) -> None:
    def write(name: str, queues: list[str]) -> None:
        for _ in range(20):
            book.note(name, queues, {queue: WorkTally(received=1) for queue in queues})

    threads = [
        threading.Thread(target=write, args=(name, queues))
        for name, queues in (("a", ["x", "y"]), ("b", ["y", "x"]), ("c", ["x"]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {queue: tally.received for queue, tally in book.tallies().items()} == {"x": 60, "y": 40}
