"""Materialize: the timeline folded into the incidents that people read."""

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from premortem.adapters.streams.effects import Effects
from premortem.adapters.streams.log_source import Batch
from premortem.adapters.streams.stateful import BuildStep, Stepper


def build(source: Source[tuple[str, Batch]], step: BuildStep, sink: Sink[tuple[str, Effects]]) -> Dataflow:
    """Return the topology; `step` builds the state of one log partition from its checkpoint."""
    flow = Dataflow("materialize")
    batches = op.input("timeline", flow, source)
    # (partition, Batch of records in order)
    effects = op.stateful_batch("evolve", batches, lambda _: Stepper(step))
    # (partition, Effects: incidents that changed, their timeline rows)
    op.output("perform", effects, sink)
    # PostgreSQL, then the checkpoint that covers them
    return flow


def main() -> Dataflow:
    """Return the dataflow as the settings wire it: `python -m bytewax.run dataflows.materialize:main`."""
    from dataflows.wiring import wire

    return wire("materialize").dataflow()
