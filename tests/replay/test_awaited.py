"""What incidents wait for is the same whether `route` kept it or the timeline is read from its first record."""

import pytest

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.read_only import ReadOnlyLog
from premortem.domain import timeline
from premortem.domain.due import Due, give_up
from premortem.domain.tasks import QUEUES, BuildContext, FindDeploy, Notify
from premortem.domain.timeline import FixApplied, TimelineTicked
from premortem.ports import Append
from replay.rebuilding.awaited import Waiting, waiting
from tests.builders import NOW, detected
from tests.dataflows.working import work
from tests.dataflows.world import World, error
from tests.workers.bench import about, asked

MINUTE = 60_000


def log_of(*events: timeline.TimelineEvent) -> MemoryEventLog:
    log = MemoryEventLog(partitions=1)
    log.append([Append("debugging.timeline", "one", timeline.encode(event), 0) for event in events])
    return log


def kept_by_route(world: World) -> Waiting:
    found = [
        each
        for partition in range(world.log.partitions("debugging.timeline"))
        for each in Due.restore(world.checkpoints.load("route", partition).state).awaited()
    ]
    return Waiting(
        asked=tuple(each.task for each in found if each.deadline),
        scheduled=tuple(each.task for each in found if not each.deadline),
        given_up=(),
    )


@pytest.mark.parametrize("minutes", [0, 11, 45])
def test_it_is_what_route_keeps_in_the_middle_of_the_work_and_after_asking_again(minutes: int) -> None:
    world = World()
    world.append(*(error(p % 5, "abcd"[p % 4], p) for p in range(60)))
    for _ in range(2):
        for flow in ("detect", "materialize", "route"):
            world.run(flow)
        world.queue.receive("context-builder-tasks", 7, 60)  # and never heard of again
        work(world, world.queue)
        if minutes:
            world.tick(1_700_000_000_000 + minutes * MINUTE)
    world.run("materialize")
    world.run("route")
    found = waiting(ReadOnlyLog(world.log))
    assert found == kept_by_route(world)
    assert found.asked


def test_what_is_not_due_yet_was_on_no_queue() -> None:
    opening = detected("one")
    merged = about(FixApplied, incident_id=opening.incident_id, repository="r", number=1, commit="c")
    found = waiting(log_of(opening, merged))
    assert [type(task) for task in found.scheduled] == [FindDeploy]
    assert [type(task) for task in found.asked] == [BuildContext]  # and no notice: nothing waits for one
    assert Notify not in {type(task) for task in found.asked}


def test_what_was_given_up_is_named_until_its_incident_waits_for_nobody_any_more() -> None:
    opening = detected("one")
    (task,) = waiting(log_of(opening)).asked
    failed = give_up(task, NOW + 5, "no worker could do it.", 5)
    found = waiting(log_of(opening, failed))
    assert (found.asked, found.given_up) == ((), (failed,))
    done = about(timeline.ContextBuilt, incident_id=opening.incident_id, evidence_ids=())
    assert waiting(log_of(opening, failed, done)).given_up == ()


def test_what_no_fact_is_and_what_is_of_no_incident_changes_nothing() -> None:
    opening = detected("one")
    log = log_of(about(FixApplied, incident_id=opening.incident_id, repository="r", number=1, commit="c"))
    log.append([Append("debugging.timeline", "one", b"no fact", 0)])
    log.append([Append("debugging.timeline", "one", timeline.encode(each), 0) for each in (opening, opening)])
    log.append([Append("debugging.timeline", "", timeline.encode(TimelineTicked(at=NOW)), 0)])
    told: list[tuple[int, int]] = []
    found = waiting(log, lambda done, of: told.append((done, of)))
    assert [task.id for task in found.asked] == [asked(BuildContext, opening.id).id]
    assert told[-1] == (5, 5)
    assert {QUEUES[type(task)] for task in found.asked} == {"context-builder-tasks"}
