"""The drawings themselves: their steps' names are frozen, and they end in partitioned sinks."""

from threading import Event

import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.outputs import DynamicSink, FixedPartitionedSink

from dataflows.wiring import Wiring
from premortem.adapters.streams.batch import part_name
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import FLOWS
from premortem.ports import Flow
from tests.dataflows.world import World

STEPS: dict[Flow, list[str]] = {
    "archive": ["archive.read_payloads", "archive.by_partition", "archive.take_all", "archive.insert"],
    "detect": ["detect.read_events", "detect.by_partition", "detect.observe", "detect.append_findings"],
    "materialize": [
        "materialize.read_timeline",
        "materialize.by_partition",
        "materialize.take_facts",
        "materialize.fold_and_save",
    ],
    "route": ["route.read_timeline", "route.by_partition", "route.react", "route.send"],
}


@pytest.fixture
def wiring() -> Wiring:
    world = World(partitions=12)
    return Wiring(world.around(stop=Event()), LogTail(world.log))


def _operators(dataflow: Dataflow) -> list:  # type: ignore[type-arg]
    return list(dataflow.substeps)


@pytest.mark.parametrize("flow", FLOWS)
def test_step_ids_are_frozen(wiring: Wiring, flow: Flow) -> None:
    assert [step.step_id for step in _operators(wiring.dataflow(flow))] == STEPS[flow]


@pytest.mark.parametrize("flow", FLOWS)
def test_sources_and_sinks_are_partitioned(wiring: Wiring, flow: Flow) -> None:
    steps = _operators(wiring.dataflow(flow))
    assert isinstance(steps[0].source, FixedPartitionedSource)
    assert isinstance(steps[-1].sink, FixedPartitionedSink)
    assert not isinstance(steps[-1].sink, DynamicSink)


def test_part_names_are_in_order_of_their_numbers(wiring: Wiring) -> None:
    sink = _operators(wiring.dataflow("detect"))[-1].sink
    names = sorted(sink.list_parts())
    assert [sink.part_fn(name) for name in names] == list(range(12))
    assert names[10] == part_name(10)
