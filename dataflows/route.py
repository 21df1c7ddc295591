"""route: what each fact of the timeline sets in motion, by the policy."""

from typing import Any

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from premortem.adapters.streams.batch import Batch, Output
from premortem.adapters.streams.operators import MakeLogic, partition_key


def build(source: Source[Batch], step: MakeLogic, sink: Sink[tuple[str, Output[Any]]]) -> Dataflow:
    """Return the topology between a source of batches and a sink of outputs, both cut by log partition."""
    flow = Dataflow("route")
    batches = op.input("read_timeline", flow, source)
    # Batch: up to 1,000 records of one partition of debugging.timeline
    keyed = op.key_on("by_partition", batches, partition_key)
    # (partition, Batch)
    outputs = op.stateful_batch("react", keyed, step)
    # (partition, Output of Reaction: tasks, follow-up facts, records for the project stream)
    op.output("send", outputs, sink)
    # task queues, debugging.timeline, sentry.events; then the checkpoint
    return flow


def main() -> Dataflow:
    """Return the dataflow as the settings wire it: `python -m bytewax.run dataflows.route:main`."""
    from dataflows.launch import alone

    return alone("route")
