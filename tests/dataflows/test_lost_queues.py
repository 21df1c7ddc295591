"""Queues may be lost with everything in them: what incidents wait for is known from the log, and asked for again."""

from collections.abc import Iterator

import pytest

from premortem.domain import timeline
from premortem.domain.ids import FactId
from premortem.domain.tasks import QUEUES, BuildContext, answer_id, task_id
from premortem.domain.timeline import FixApplied, IncidentDetected, TaskFailed
from premortem.ports import Append, IncidentFilter
from replay.rebuilding.awaited import waiting
from tests.dataflows.queues import KINDS, LosableQueue, losable
from tests.dataflows.working import work
from tests.dataflows.world import TENANT, World, error
from tests.workers.bench import asked

START, MINUTE = 1_700_000_000_000, 60_000


@pytest.fixture(params=KINDS)
def lost(request: pytest.FixtureRequest) -> Iterator[LosableQueue]:
    yield from losable(request.param, request)


def _world(lost: LosableQueue) -> World:
    world = World()
    world.queue = lost.queue
    world.append(*(error(p % 5, "abcd"[p % 4], p) for p in range(60)))
    return world


def _run(world: World, *flows: str) -> None:
    for flow in flows or ("detect", "materialize", "route"):
        world.run(flow)  # type: ignore[arg-type]


def _finish(world: World) -> None:
    """Let flows and workers go on until nothing moves any more."""
    while work(world, world.queue):
        _run(world)


def _depth(world: World) -> int:
    return sum(world.queue.depth(queue) for queue in QUEUES.values())


def test_every_incident_gets_its_answer_though_all_queues_were_lost_in_mid_run(lost: LosableQueue) -> None:
    world = _world(lost)
    _run(world)
    first = world.queue.receive("context-builder-tasks", 7, 60)
    assert len(first) == 7
    lost.lose()
    assert _depth(world) == 0
    world.tick(START + 5 * MINUTE)
    _run(world)
    assert _depth(world) == 0  # nothing is overdue yet
    world.tick(START + 11 * MINUTE)
    _run(world)
    _finish(world)
    lost.lose()
    world.tick(START + 30 * MINUTE)
    _run(world)
    _finish(world)
    incidents = world.incidents.find(TENANT, IncidentFilter(), None, 100).incidents
    assert len(incidents) == 20
    assert {incident.status for incident in incidents} == {"root_cause_proposed"}
    for facts in world.facts().values():
        assert facts.count(answer_id(asked(BuildContext, facts[0]))) == 1
    world.assert_conserved()


def test_what_was_on_the_queues_is_sent_again_at_once_when_it_is_asked_for(lost: LosableQueue) -> None:
    world = _world(lost)
    _run(world)
    world.queue.receive("context-builder-tasks", 7, 60)
    lost.lose()
    assert _depth(world) == 0
    for _ in range(2):  # as often as somebody likes
        found = waiting(world.log).asked
        world.queue.forget([task.id for task in found])
        world.queue.send(found)
    again = world.queue.receive("context-builder-tasks", 50, 60)
    assert {received.task for received in again} == set(found)
    assert (len(again), {received.task.attempt for received in again}) == (20, {1})


def test_a_second_attempt_has_an_id_of_its_own_which_the_queue_has_not_seen(lost: LosableQueue) -> None:
    world = _world(lost)
    _run(world)
    before = {received.task.id for received in world.queue.receive("context-builder-tasks", 50, 60)}
    lost.lose()
    world.tick(START + 11 * MINUTE)
    _run(world, "route")
    again = world.queue.receive("context-builder-tasks", 50, 60)
    assert {received.task.attempt for received in again} == {2}
    assert {task_id(BuildContext, received.task.caused_by) for received in again} == before


def test_what_nobody_ever_answers_is_given_up_and_says_so_on_the_timeline(lost: LosableQueue) -> None:
    world = _world(lost)
    for hour in range(10):
        _run(world)
        lost.lose()
        world.tick(START + hour * 60 * MINUTE)
    _run(world)
    failed = [f for r in world.records("debugging.timeline") if isinstance(f := timeline.decode(r.value), TaskFailed)]
    assert len({f.incident_id for f in failed}) == len(failed) == 20
    assert {(f.stage, f.attempts) for f in failed} == {("context-builder", 6)}
    _run(world, "materialize")
    assert {i.status for i in world.incidents.find(TENANT, IncidentFilter(), None, 100).incidents} == {"needs_human"}


def test_what_is_scheduled_is_sent_when_its_time_has_come_and_not_before(lost: LosableQueue) -> None:
    world = _world(lost)
    _run(world)
    (opened, *_) = (f for r in world.records("debugging.timeline") if (f := timeline.decode(r.value)))
    assert isinstance(opened, IncidentDetected)
    merged = FixApplied(
        id=FactId("merged"),
        incident_id=opened.incident_id,
        tenant_id=opened.tenant_id,
        project_id=opened.project_id,
        occurred_at=START + 2 * MINUTE,
        repository="acme/shop",
        number=7,
        commit="c0ffee",
    )
    world.append(Append("debugging.timeline", opened.incident_id, timeline.encode(merged)))
    _run(world)
    assert world.queue.receive("deploy-tasks", 10, 60) == []
    lost.lose()  # what is not sent yet is in no queue
    world.tick(START + 3 * MINUTE)
    _run(world)
    (sent,) = world.queue.receive("deploy-tasks", 10, 60)
    assert (sent.task.caused_by, sent.task.at, sent.task.attempt) == (merged.id, START + 3 * MINUTE, 1)
