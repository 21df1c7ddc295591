"""Wiring: each dataflow between its log source and its sink, from ports."""

from dataclasses import dataclass
from functools import partial

from bytewax.dataflow import Dataflow

from dataflows import archive, detect, materialize, route
from premortem.adapters.streams.log_source import LogSource, Pace
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.operators import logic_of
from premortem.adapters.streams.partitioned_sink import PartitionedSink
from premortem.adapters.streams.parts import SOURCES, Surroundings, parts_of
from premortem.ports import Flow

_BUILD = {"archive": archive.build, "detect": detect.build, "materialize": materialize.build, "route": route.build}
PACES: dict[Flow, Pace] = {
    "archive": Pace(pause_seconds=1.0),
    "detect": Pace(),
    "materialize": Pace(),
    "route": Pace(),
}
"""The archive gathers for a second: a column store wants few and large inserts."""


@dataclass(frozen=True)
class Wiring:
    """What the dataflows of a process share: where they read and write, and one watch over the log's end."""

    around: Surroundings
    tail: LogTail

    def dataflow(self, flow: Flow, pace: Pace | None = None) -> Dataflow:
        """Return the dataflow between its log source and its sink."""
        around, parts = self.around, parts_of(flow, self.around)
        log, topic = around.event_log, SOURCES[flow]
        source = LogSource(
            flow,
            topic,
            log,
            around.checkpoint_store,
            self.tail,
            around.stop,
            pace or PACES[flow],
            around.patience(flow),
            partial(around.reads, flow),
        )
        sink = PartitionedSink(lambda: log.partitions(topic), parts.make_delivery)
        return _BUILD[flow](source, logic_of(parts.make_step), sink)
