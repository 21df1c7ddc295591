"""detect: the project stream through the detector, findings to the timeline."""

from typing import Any

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from premortem.adapters.streams.batch import Batch, Output
from premortem.adapters.streams.operators import MakeLogic, partition_key


def build(source: Source[Batch], step: MakeLogic, sink: Sink[tuple[str, Output[Any]]]) -> Dataflow:
    """Return the topology between a source of batches and a sink of outputs, both cut by log partition."""
    flow = Dataflow("detect")
    batches = op.input("read_events", flow, source)
    # Batch: up to 1,000 records of one partition of sentry.events
    keyed = op.key_on("by_partition", batches, partition_key)
    # (partition, Batch)
    outputs = op.stateful_batch("observe", keyed, step)
    # (partition, Output of findings, encoded for the timeline; with Progress: the detector's changed snapshots)
    op.output("append_findings", outputs, sink)
    # debugging.timeline, then the checkpoint that the findings are ahead of
    return flow


def main() -> Dataflow:
    """Return the dataflow as the settings wire it: `python -m bytewax.run dataflows.detect:main`."""
    from dataflows.launch import alone

    return alone("detect")
