"""Positions and state of the dataflows may be lost: from the first record on they come to the same state."""

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.domain.conservation import STATE_KEY
from premortem.domain.tasks import QUEUES
from tests.dataflows.working import work
from tests.dataflows.world import World, error

FLOWS = ("archive", "detect", "materialize", "route")


def _run(world: World) -> None:
    for flow in FLOWS:
        world.run(flow)  # type: ignore[arg-type]


def _work(world: World) -> None:
    """Let flows and workers go on until nothing moves any more."""
    _run(world)
    while work(world, world.queue):
        _run(world)


def _kept(world: World) -> list[dict[str, bytes]]:
    """Return what `detect` and `route` keep, without what they count of the records that they took."""
    states = [world.checkpoints.load(flow, p).state for flow in ("detect", "route") for p in range(4)]
    return [{name: part for name, part in state.items() if name != STATE_KEY} for state in states]


def test_all_dataflows_begin_at_the_first_record_and_come_to_the_same_state_and_no_task_is_done_again() -> None:
    world = World()
    world.append(*(error(p % 5, "abcd"[p % 4], p) for p in range(60)))
    _work(world)
    incidents, facts = world.incidents.digest(), world.facts()
    before = _kept(world)
    world.checkpoints = MemoryCheckpointStore()
    _work(world)
    assert world.incidents.digest() == incidents
    assert {incident: set(ids) for incident, ids in world.facts().items()} == {
        incident: set(ids) for incident, ids in facts.items()
    }
    assert sum(world.queue.depth(queue) for queue in QUEUES.values()) == 0
    assert _kept(world) == before
