"""Every kind of task has its handler, and what an installation cannot do is said at once."""

import pytest

from premortem.domain.tasks import QUEUES, Task
from premortem.domain.work import Answer, Work
from premortem.workers.dispatch import Handlers, handler_of, undone
from tests.workers.bench import OPENED, Bench, asked, received


@pytest.mark.parametrize("kind", QUEUES, ids=lambda kind: kind.__name__)
def test_a_handler_gets_the_tasks_that_it_is_named_after_and_no_others(kind: type[Task]) -> None:
    def answer(_: Work[Task]) -> Answer:
        return Answer()

    (name,) = (field for field in Handlers.__dataclass_fields__ if field.replace("_", "") == kind.__name__.lower())
    handlers = Handlers(**{name: answer})
    said = {"occasion": "opened"} if kind.__name__ == "Notify" else {}
    assert handler_of(handlers, asked(kind, **said)) is answer
    assert handlers.queues() == (QUEUES[kind],)
    others = [other for other in QUEUES if other is not kind and other.__name__ != "Notify"]
    assert not [other for other in others if handler_of(handlers, asked(other))]


def test_what_this_installation_cannot_do_is_given_up_with_the_mend() -> None:
    bench = Bench(open_pull_request=undone("there is no code host. Set one up."))
    bench.store(OPENED)
    (kind,) = (kind for kind, queue in QUEUES.items() if queue == "pull-request-tasks")
    assert bench.attempt()(received(asked(kind))) == "buried"
    assert bench.failed().reason == "there is no code host. Set one up."
