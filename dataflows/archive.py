"""archive: the scrubbed bodies into the evidence store."""

from typing import Any

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from premortem.adapters.streams.batch import Batch, Output
from premortem.adapters.streams.operators import MakeLogic, partition_key


def build(source: Source[Batch], step: MakeLogic, sink: Sink[tuple[str, Output[Any]]]) -> Dataflow:
    """Return the topology between a source of batches and a sink of outputs, both cut by log partition."""
    flow = Dataflow("archive")
    batches = op.input("read_payloads", flow, source)
    # Batch: up to 1,000 records of one partition of sentry.payloads
    keyed = op.key_on("by_partition", batches, partition_key)
    # (partition, Batch)
    outputs = op.stateful_batch("take_all", keyed, step)
    # (partition, Output of packed payload records; they are unpacked one insert at a time)
    op.output("insert", outputs, sink)
    # ClickHouse: raw_events, logs, sessions, deploys; then the checkpoint
    return flow


def main() -> Dataflow:
    """Return the dataflow as the settings wire it: `python -m bytewax.run dataflows.archive:main`."""
    from dataflows.launch import alone

    return alone("archive")
