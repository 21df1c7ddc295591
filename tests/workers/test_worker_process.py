"""`premortem worker` as a process: it reads the queues that it was given, says so, and ends when told to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.worker_book.postgres import PostgresWorkerBook
from premortem.domain import timeline
from premortem.domain.tasks import OpenPullRequest, ProposeFix
from premortem.domain.timeline import TaskFailed
from premortem.domain.work import WorkTally
from premortem.ports import Saved, StoredFact
from tests.builders import incident
from tests.workers.bench import OPENED, asked

QUEUE = "pull-request-tasks"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def pool(postgres_dsn: str) -> Iterator[Pool]:
    pool = open_pool(postgres_dsn, size=2)
    create_topics(pool, 4)
    yield pool
    pool.close()


@pytest.fixture
def start(postgres_dsn: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        own = {"PREMORTEM_DATA_DIR": str(tmp_path), "PREMORTEM_POSTGRES_DSN": postgres_dsn}
        words = [sys.executable, "-m", "premortem.cli", "worker", *arguments]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREMORTEM_")}
        with (tmp_path / "worker.log").open("wb") as log:
            started.append(subprocess.Popen(words, cwd=ROOT, env=inherited | own, stderr=log, **more))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def eventually(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_reads_its_queues_counts_what_it_does_and_ends_in_time(
    pool: Pool, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    queue, book, log = PostgresTaskQueue(pool), PostgresWorkerBook(pool), PostgresEventLog(pool)
    row = StoredFact(OPENED.incident_id, OPENED.id, 0, 0, "IncidentDetected", 1, timeline.encode(OPENED))
    PostgresIncidentStore(pool).save([Saved(incident(), 0, 1)], [row])
    task = asked(OpenPullRequest)
    queue.send([task, asked(ProposeFix)])
    worker = start("--queues", QUEUE, "--threads", "2")
    eventually(lambda: queue.depth(f"{QUEUE}-dlq") == 1)  # there is no code host, so it is given up at once
    eventually(lambda: book.tallies() == {QUEUE: WorkTally(received=1, buried=1)})
    assert dict(book.readers(60)) == {QUEUE: 1}
    assert queue.depth("fix-tasks") == 1
    (failed,) = [
        fact
        for partition in range(4)
        for record in log.read("debugging.timeline", partition, 0, 10)
        if isinstance(fact := timeline.decode(record.value), TaskFailed)
    ]
    assert (failed.task_id, failed.stage, "PREMORTEM_GITHUB_TOKEN" in failed.reason) == (task.id, "pull-request", True)
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert dict(book.readers(60)) == {}


def test_a_worker_is_not_started_for_a_queue_that_there_is_not(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    worker = start("--queues", "rca-task")
    assert worker.wait(120) == 1
    said = (tmp_path / "worker.log").read_text()
    assert "premortem: there is no queue 'rca-task'. There are: context-builder-tasks" in said
