"""Workers in the world of the dataflows: what is on the queues is answered at once, each chain up to a cause."""

from premortem.adapters.streams.patience import Patience
from premortem.adapters.tracer.silent import SilentTracer
from premortem.domain.tasks import QUEUES, BuildContext, ProposeRootCause
from premortem.domain.timeline import ContextBuilt, RootCauseProposed
from premortem.domain.work import Answer, Work
from premortem.ports import TaskQueue
from premortem.workers.attempt import Attempt
from premortem.workers.dispatch import Handlers
from tests.dataflows.world import World


def build_context(work: Work[BuildContext]) -> Answer:
    return Answer((ContextBuilt(**work.heading(5), evidence_ids=("ev-1",)),))


def propose_root_cause(work: Work[ProposeRootCause]) -> Answer:
    said = RootCauseProposed(
        **work.heading(7), verdict="not_an_incident", summary="a test", confidence=0.9, agent="rules"
    )
    return Answer((said,))


def work(world: World, queue: TaskQueue) -> int:
    """Work on everything that is visible; return how many tasks were taken."""
    around = world.around()
    handlers = Handlers(build_context=build_context, propose_root_cause=propose_root_cause, notify=lambda _: Answer())
    attempt = Attempt(
        handlers,
        world.incidents,
        world.log,
        Patience(around.stop, 1),
        around.stop,
        SilentTracer(),
        materialize_seconds=0.0,
    )
    taken = 0
    for name in sorted(QUEUES.values()):
        while received := queue.receive(name, 10, 60):
            for each in received:
                taken += 1
                assert attempt(each) in ("answered", "deleted")
                queue.delete(name, [each.receipt])
    return taken
