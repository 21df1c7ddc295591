"""All four dataflows in a process of their own: how it ends, and what a kill leaves behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest

from dataflows.together import run_together
from dataflows.wiring import Wiring
from premortem.adapters.event_log.postgres import create_topics
from premortem.adapters.postgres import open_pool
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import FLOWS, SOURCES, Surroundings
from premortem.domain import conservation
from premortem.domain.conservation import STATE_KEY
from premortem.domain.payload import DeployBody, encode
from premortem.domain.tasks import BuildContext
from premortem.ports import Append, Flow
from tests.dataflows.four_flows import surroundings
from tests.dataflows.world import TENANT, World, error
from tests.warm import WarmProcess

CRASH_POINTS = [
    *(f"{flow}.{place}_checkpoint" for flow in FLOWS for place in ("before", "after")),
    "detect.after_findings",
    "materialize.after_save",
    "route.after_send",
    "archive.after_insert",
    "event_log.before_commit",
]
Start = Callable[..., WarmProcess]


@pytest.fixture
def around(postgres_dsn: str) -> Iterator[Surroundings]:
    pool = open_pool(postgres_dsn, size=2)
    create_topics(pool, 4)
    yield surroundings(pool, Event())
    pool.close()


@pytest.fixture
def start(postgres_dsn: str) -> Iterator[Start]:
    """Starts the process; whatever still runs at the end is killed."""
    started: list[WarmProcess] = []

    def start(*arguments: str) -> WarmProcess:
        started.append(WarmProcess(["tests.dataflows.four_flows", postgres_dsn, *arguments], os.environ))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def load(around: Surroundings, count: int = 300, first: int = 0) -> None:
    log = [error(p % 7, "abcdef"[p % 5 * p % 6], p) for p in range(first, first + count)]
    log[count // 2] = Append("sentry.events", "3", b"poison")
    deploys = [
        DeployBody(
            tenant_id=TENANT, project_id=1, deploy_id=str(first + n), deployed_at=1, release="1", environment="p"
        )  # type: ignore[arg-type]
        for n in range(20)
    ]
    around.event_log.append(
        [*log, *(Append("sentry.payloads", str(n), encode(body)) for n, body in enumerate(deploys))]
    )


def lag(around: Surroundings, flows: Sequence[Flow] = FLOWS) -> int:
    positions = around.checkpoint_store.positions()
    return sum(
        head - positions.get((flow, partition), 0)
        for flow in flows
        for partition, head in enumerate(around.event_log.heads(SOURCES[flow]))
    )


def wait_until(condition: Callable[[], bool], around: Surroundings, process: WarmProcess) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, f"the dataflows ended with {process.returncode}"
        assert time.monotonic() < deadline, around.checkpoint_store.positions()
        time.sleep(0.05)


def wait_until_settled(around: Surroundings, process: WarmProcess) -> None:
    wait_until(lambda: lag(around) == 0, around, process)


def assert_as_the_oracle_says(around: Surroundings) -> None:
    world = World()
    world.checkpoints, world.log = around.checkpoint_store, around.event_log  # type: ignore[assignment]
    world.assert_conserved()
    oracle = World()
    oracle.append(*(Append("sentry.events", r.key, r.value) for r in world.records("sentry.events")))
    for flow in FLOWS:
        oracle.run(flow)
    assert world.facts() == oracle.facts()
    assert around.incident_store.digest() == oracle.incidents.digest()
    assert around.task_queue.depth("context-builder-tasks") == oracle.queue.depth("context-builder-tasks")
    sent = around.task_queue.receive("context-builder-tasks", 1, 1)
    assert all(isinstance(received.task, BuildContext) for received in sent)


def test_positions_are_saved_when_the_log_is_at_rest_and_sigterm_ends_it_in_time(
    around: Surroundings, start: Start
) -> None:
    process = start()
    load(around)
    wait_until_settled(around, process)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.wait(60) == 0
    assert time.monotonic() - began < 15
    assert_as_the_oracle_says(around)


def test_sigterm_saves_what_was_done_since_the_last_position(around: Surroundings, start: Start) -> None:
    process = start()
    load(around, 100)
    wait_until_settled(around, process)
    told = sum(around.event_log.heads("debugging.timeline"))
    around.event_log.append([error(1, "a", n) for n in range(1000, 1064)])
    partition = next(p for p, n in enumerate(around.event_log.heads("sentry.events")) if n >= 64)
    # Once there are findings, all was read and observed; the next position at rest is up to a second away.
    wait_until(lambda: sum(around.event_log.heads("debugging.timeline")) > told, around, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert (
        around.checkpoint_store.positions()["detect", partition] == around.event_log.heads("sentry.events")[partition]
    )


def test_sigterm_does_not_wait_for_a_store_that_hangs(around: Surroundings, start: Start, tmp_path: Path) -> None:
    process = start("", str(tmp_path / "asked"))
    load(around, 50)
    wait_until((tmp_path / "asked").exists, around, process)
    wait_until(lambda: lag(around, ("detect", "materialize", "route")) == 0, around, process)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.wait(60) == 0
    assert time.monotonic() - began < 15
    stored = around.checkpoint_store.load("detect", 0).state[STATE_KEY]
    assert conservation.decode(stored).missing == 0  # the other dataflows went on and saved


def test_kills_at_every_crash_point_leave_what_the_oracle_says(
    around: Surroundings, start: Start, tmp_path: Path
) -> None:
    points = ",".join(CRASH_POINTS)
    for number in range(3 * len(CRASH_POINTS)):
        load(around, 40, first=1000 * number)
        process = start(f"{points}@{tmp_path}")  # dies at each point once
        while process.poll() is None and lag(around):
            time.sleep(0.05)
        if process.poll() is None and len(list(tmp_path.iterdir())) == len(CRASH_POINTS):
            break
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert sorted(mark.name for mark in tmp_path.iterdir()) == sorted(CRASH_POINTS)
    wait_until_settled(around, process)
    assert_as_the_oracle_says(around)


def test_one_dataflow_that_fails_ends_all_with_exit_code_1() -> None:
    world, stop = World(partitions=1), Event()
    world.append(Append("sentry.payloads", "1", b"x"))
    world.log.trim("sentry.payloads", 2**60)
    world.append(Append("sentry.payloads", "1", b"x"))
    wiring = Wiring(world.around(stop=stop), LogTail(world.log))
    assert run_together([wiring.dataflow("archive"), wiring.dataflow("detect")], stop) == 1
    assert stop.is_set()
