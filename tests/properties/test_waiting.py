"""Whatever is lost and whoever dies in between: every incident gets its answer, once, and no crash asks for more."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.adapters.streams.plain_runner import run_plain
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain import timeline
from premortem.domain.tasks import QUEUES, BuildContext, ProposeRootCause, Task, answer_id
from premortem.domain.timeline import TaskFailed
from premortem.ports import Flow, IncidentFilter
from tests.dataflows.queues import lose_memory
from tests.dataflows.working import work
from tests.dataflows.world import TENANT, Crashed, World, error
from tests.workers.bench import asked

START, MINUTE = 1_700_000_000_000, 60_000
CRASH_POINTS = (
    "materialize.after_save",
    "materialize.before_checkpoint",
    "route.after_send",
    "route.before_checkpoint",
    "route.after_checkpoint",
)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("errors"), st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc")), max_size=5)),
        st.tuples(st.just("tick"), st.integers(0, 12)),
        st.tuples(st.just("run"), st.tuples(st.sampled_from((*CRASH_POINTS, "nowhere")), st.integers(1, 3))),
        st.tuples(st.just("work"), st.none()),
        st.tuples(st.just("lose"), st.none()),
    ),
    max_size=18,
)


class Remembering(MemoryTaskQueue):
    """Notes every task that it accepted, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Task] = {}

    def send(self, tasks: Any) -> None:
        self.seen |= {task.id: task for task in tasks}
        super().send(tasks)


class Story:
    """A world in which steps are taken; `crashes` False leaves the crashes out."""

    def __init__(self, *, crashes: bool = True) -> None:
        self.world, self.queue = World(partitions=2), Remembering()
        self.world.queue = self.queue
        self._crashes, self._number, self._now = crashes, 0, START

    def take(self, step: str, what: Any) -> None:
        """Take one step."""
        match step:
            case "errors":
                for project, fingerprint in what:
                    self._number += 1
                    self.world.append(error(project, fingerprint, self._number))
            case "tick":
                self._now += what * MINUTE
                self.world.tick(self._now)
            case "run":
                self.run(*what)
            case "work":
                work(self.world, self.queue)
            case "lose":
                lose_memory(self.queue)

    def run(self, point: str = "nowhere", time: int = 1) -> None:
        """Run the dataflows over what there is; one of them may die on the way, and is started again."""
        flows: tuple[Flow, ...] = ("detect", "materialize", "route")
        for flow in flows:
            try:
                run_plain(flow, self.world.around(_dies_at(point if self._crashes else "", time)), limit=3)
            except Crashed:
                run_plain(flow, self.world.around(), limit=3)

    def end(self) -> None:
        """Let an hour and more pass without further losses, so that all that is overdue is asked for and done."""
        for _ in range(4):
            self.run()
            while work(self.world, self.queue):
                self.run()
            self.take("tick", 61)
        self.run()


def _dies_at(point: str, time: int) -> Callable[[str], None]:
    left = [time]

    def crash(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Crashed(name)

    return crash


@given(steps)
@settings(max_examples=80, deadline=None)
def test_every_incident_gets_its_answer_once(taken: list[tuple[str, Any]]) -> None:
    story = Story()
    for step, what in taken:
        story.take(step, what)
    story.end()
    for facts in story.world.facts().values():
        context = answer_id(asked(BuildContext, facts[0]))
        assert facts.count(context) == 1
        assert facts.count(answer_id(asked(ProposeRootCause, context))) == 1
    found = story.world.incidents.find(TENANT, IncidentFilter(), None, 100).incidents
    assert len(found) == len(story.world.facts())
    assert {incident.status for incident in found} <= {"root_cause_proposed"}
    events = [timeline.decode(record.value) for record in story.world.records("debugging.timeline")]
    assert not [event for event in events if isinstance(event, TaskFailed)]
    assert not sum(story.queue.depth(queue) for queue in QUEUES.values())
    story.world.assert_conserved()


@given(steps)
@settings(max_examples=80, deadline=None)
def test_a_crash_asks_for_nothing_that_would_not_have_been_asked_for_without_it(taken: list[tuple[str, Any]]) -> None:
    crashed, whole = Story(), Story(crashes=False)
    for story in (crashed, whole):
        for step, what in taken:
            story.take(step, what)
        story.run()
    assert crashed.queue.seen == whole.queue.seen
    assert crashed.world.facts() == whole.world.facts()
