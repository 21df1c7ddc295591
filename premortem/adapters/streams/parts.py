"""What each dataflow is made of between its source and its sink, put together from ports. No Bytewax here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

from premortem.adapters.streams.archiving import Archiving, TakingAll
from premortem.adapters.streams.batch import Item
from premortem.adapters.streams.crash import Crash
from premortem.adapters.streams.delivery import Deliver, Delivery, appending
from premortem.adapters.streams.detecting import Detecting, RestoreObserver
from premortem.adapters.streams.incident_history import IncidentHistory
from premortem.adapters.streams.materializing import Materializing
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.reacting import Reacting, sending
from premortem.adapters.streams.step import MakeHandler, Step
from premortem.adapters.streams.timeline_facts import TakingFacts
from premortem.domain.due import Due
from premortem.ports import CheckpointStore, EventLog, EvidenceStore, Flow, IncidentStore, TaskQueue, Topic

SOURCES: Mapping[Flow, Topic] = {
    "archive": "sentry.payloads",
    "detect": "sentry.events",
    "materialize": "debugging.timeline",
    "route": "debugging.timeline",
}
"""Which topic each dataflow reads."""
FLOWS = tuple(SOURCES)


@dataclass(frozen=True)
class Surroundings:
    """Everything that dataflows touch."""

    event_log: EventLog
    checkpoint_store: CheckpointStore
    task_queue: TaskQueue
    incident_store: IncidentStore
    evidence_store: EvidenceStore
    restore_detector: RestoreObserver
    stop: Event
    crash: Crash
    reads: Callable[[Flow], None] = lambda _: None
    """Told whenever a dataflow asks for records, by the thread that does."""
    calls: Callable[[Flow], None] = lambda _: None
    """Told before every call to a dependency, by the thread that makes it."""

    def patience(self, flow: Flow, attempts: int | None = 7) -> Patience:
        """Return the dataflow's patience; it ends after `attempts`, and with it the process."""
        return Patience(self.stop, attempts, partial(self.calls, flow))


@dataclass(frozen=True)
class Parts:
    """The step and the delivery of a dataflow; one of each is made per partition."""

    make_step: Callable[[], Step[Any]]
    make_delivery: Callable[[], Delivery[Any]]


def parts_of(flow: Flow, around: Surroundings) -> Parts:
    """Return the parts of a dataflow."""
    log, patience = around.event_log, around.patience(flow)
    match flow:
        case "detect":
            return _parts(
                flow,
                around,
                lambda checkpoint: Detecting(checkpoint, around.restore_detector),
                "findings",
                lambda: appending(log, patience),
            )
        case "materialize":
            return _parts(
                flow,
                around,
                lambda _: TakingFacts(),
                "save",
                lambda: Materializing(around.incident_store, patience),
            )
        case "route":
            return _parts(
                flow,
                around,
                lambda checkpoint: Reacting(
                    IncidentHistory(around.incident_store, around.checkpoint_store, patience, around.stop),
                    Due.restore(checkpoint.state),
                ),
                "send",
                lambda: sending(around.task_queue, log, patience),
            )
        case "archive":
            return _parts(
                flow,
                around,
                lambda _: TakingAll(),
                "insert",
                lambda: Archiving(around.evidence_store, around.patience(flow, attempts=None)),
            )


def _parts(
    flow: Flow,
    around: Surroundings,
    make_handler: MakeHandler[Item],
    effect: str,
    make_deliver: Callable[[], Deliver[Item]],
) -> Parts:
    return Parts(
        make_step=lambda: Step(flow, SOURCES[flow], make_handler),
        make_delivery=lambda: Delivery(
            flow,
            effect,
            make_deliver(),
            around.event_log,
            around.checkpoint_store,
            around.patience(flow),
            around.crash,
        ),
    )
