"""The dataflows without Bytewax: the oracle of the tests, and the way out should the engine have to go."""

from collections.abc import Callable

from premortem.adapters.streams.effects import Targets, perform
from premortem.adapters.streams.stateful import BuildStep
from premortem.ports import Flow, Topic


def run_to_head(
    flow: Flow,
    topic: Topic,
    build: BuildStep,
    targets: Targets,
    *,
    batch_size: int = 1_000,
    crash: Callable[[str], None] = lambda _: None,
) -> int:
    """Run one dataflow over every partition from its checkpoint to the head; return how many records it read."""
    count = 0
    for partition in range(targets.log.partitions(topic)):
        offset = targets.checkpoints.load(flow, partition).next_offset
        step = build(partition)
        while records := targets.log.read(topic, partition, offset, batch_size):
            perform(flow, step(records), targets, crash)
            offset = records[-1].offset + 1
            count += len(records)
    return count
