"""Whatever the batches, the workers and the crashes: the same facts, the same incidents, every record counted once."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.adapters.streams.plain_runner import run_plain
from premortem.domain.tasks import QUEUES
from premortem.ports import Append, Flow
from tests.dataflows.world import Crashed, World, error

FLOWS: tuple[Flow, ...] = ("detect", "materialize", "route")
CRASH_POINTS = (
    "detect.after_findings",
    "detect.before_checkpoint",
    "detect.after_checkpoint",
    "materialize.after_save",
    "materialize.before_checkpoint",
    "materialize.after_checkpoint",
    "route.after_send",
    "route.before_checkpoint",
    "route.after_checkpoint",
)

events = st.lists(
    st.one_of(
        st.builds(error, st.integers(1, 5), st.sampled_from("abcd"), st.integers(0, 99)),
        st.builds(lambda p: Append("sentry.events", str(p), b"poison"), st.integers(1, 5)),
    ),
    max_size=60,
)


def _world(log: list[Append]) -> World:
    world = World()
    world.append(*log)
    return world


def _summary(world: World) -> tuple[object, ...]:
    return world.facts(), world.incidents.digest(), sorted(world.queue.depth(queue) for queue in QUEUES.values())


def _oracle(log: list[Append]) -> World:
    world = _world(log)
    for flow in FLOWS:
        run_plain(flow, world.around(), limit=7)
    world.assert_conserved()
    return world


def _dies_at(point: str, time: int) -> Callable[[str], None]:
    left = [time]

    def crash(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Crashed(name)

    return crash


@given(events, st.sampled_from([1, 17, 1000]), st.sampled_from([1, 5, 5000]))
@settings(max_examples=60, deadline=None)
def test_the_size_of_batches_and_the_pace_of_checkpoints_change_nothing(
    log: list[Append], limit: int, settle_records: int
) -> None:
    world = _world(log)
    for flow in FLOWS:
        run_plain(flow, world.around(), limit=limit, settle_records=settle_records)
    world.assert_conserved()
    assert _summary(world) == _summary(_oracle(log))
    assert [world.tally(flow) for flow in FLOWS] == [_oracle(log).tally(flow) for flow in FLOWS]


@given(events, st.sampled_from(CRASH_POINTS), st.integers(1, 4), st.sampled_from([1, 17]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_crash_at_any_point_changes_nothing(
    log: list[Append], point: str, time: int, limit: int, again: bool
) -> None:
    world = _world(log)
    crash = _dies_at(point, time)
    for flow in FLOWS:
        run = partial(run_plain, flow, limit=limit, settle_records=10)
        try:
            run(world.around(crash))
        except Crashed:
            if again:
                with pytest.raises(Crashed):
                    run(world.around(_dies_at(point, 1)))
            run(world.around())
    world.assert_conserved()
    assert _summary(world) == _summary(_oracle(log))


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("limit", [1, 17, 1000])
def test_bytewax_with_any_number_of_workers_agrees_with_the_oracle(workers: int, limit: int) -> None:
    log = [error(p % 7, "abcdef"[p % 5 * p % 6], p) for p in range(400)]
    log[100] = Append("sentry.events", "3", b"poison")
    world = _world(log)
    for flow in FLOWS:
        world.run(flow, workers=workers, limit=limit, settle_records=50)
    world.assert_conserved()
    oracle = _oracle(log)
    assert _summary(world) == _summary(oracle)
    assert world.tally("detect") == oracle.tally("detect")


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_bytewax_killed_at_a_crash_point_and_started_again_agrees_with_the_oracle(point: str) -> None:
    log = [error(p % 7, "abcdef"[p % 5 * p % 6], p) for p in range(200)]
    world = _world(log)
    died = False
    for flow in FLOWS:
        try:
            world.run(flow, world.around(_dies_at(point, 2)), limit=17, settle_records=20)
        except Crashed:
            died = True
            world.run(flow, limit=17)
    assert died
    world.assert_conserved()
    assert _summary(world) == _summary(_oracle(log))
