"""Wiring of each dataflow: its source, the step of a partition, its sink; from ports, or from the settings."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from bytewax.dataflow import Dataflow

from dataflows import archive, detect, materialize, route
from premortem import bootstrap
from premortem.adapters.streams.effects import Targets, patiently
from premortem.adapters.streams.effects_sink import EffectsSink
from premortem.adapters.streams.log_source import LogSource
from premortem.adapters.streams.stateful import BuildStep, Step
from premortem.adapters.streams.steps import ArchiveStep, DetectStep, MaterializeStep, RouteStep
from premortem.bootstrap import SOURCES
from premortem.ports import Checkpoint, Flow
from premortem.settings import Settings

T = TypeVar("T")

FLOWS: tuple[Flow, ...] = ("archive", "detect", "materialize", "route")
PATIENCE_SECONDS: dict[Flow, float] = {"archive": inf, "detect": 60.0, "materialize": 60.0, "route": 60.0}
"""How long a dependency may be away before the process ends and is started anew. ClickHouse may be away for ever."""

_BUILDERS = {"archive": archive.build, "detect": detect.build, "materialize": materialize.build, "route": route.build}


@dataclass(frozen=True)
class Wired:
    """One dataflow with everything that it touches."""

    flow: Flow
    targets: Targets
    crash: Callable[[str], None]
    stopping: threading.Event
    follow: bool = True
    batch_size: int = 1_000

    def dataflow(self) -> Dataflow:
        """Return the Bytewax dataflow."""
        topic = SOURCES[self.flow]
        source = LogSource(
            self.targets.log,
            self.targets.checkpoints,
            self.flow,
            topic,
            stopping=self.stopping,
            follow=self.follow,
            batch_size=self.batch_size,
        )
        sink = EffectsSink(
            self.flow,
            self.targets.log.partitions(topic),
            self.targets,
            self.crash,
            stopping=self.stopping,
            patience_seconds=PATIENCE_SECONDS[self.flow],
        )
        return _BUILDERS[self.flow](source, self.build_step(), sink)

    def build_step(self) -> BuildStep:
        """Return what builds the step of a partition from its checkpoint."""

        def build(partition: int) -> Step:
            checkpoint = self._wait(lambda: self.targets.checkpoints.load(self.flow, partition))
            return self._step(partition, checkpoint)

        return build

    def _step(self, partition: int, checkpoint: Checkpoint) -> Step:
        incidents = self.targets.incidents
        match self.flow:
            case "archive":
                return ArchiveStep(partition, checkpoint)
            case "detect":
                return DetectStep(partition, checkpoint)
            case "route":
                return RouteStep(partition, checkpoint)
            case "materialize":
                assert incidents is not None, "materialize folds into an incident store"
                return MaterializeStep(partition, checkpoint, lambda ids: self._wait(lambda: incidents.load(ids)))

    def _wait(self, call: Callable[[], T]) -> T:
        return patiently(call, self.stopping, PATIENCE_SECONDS[self.flow])


def wire(flow: Flow, settings: Settings | None = None, stopping: threading.Event | None = None) -> Wired:
    """Return the dataflow as the settings say."""
    adapters = bootstrap.connect(settings or Settings(), connections=4)
    targets = Targets(
        adapters.checkpoint_store,
        adapters.event_log,
        adapters.task_queue,
        adapters.evidence_store,
        adapters.incident_store,
    )
    return Wired(flow, targets, bootstrap.crash_points(), stopping or threading.Event())
