"""Dead letters of the queues: looked at with the reason from the timeline, and sent back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.bootstrap.connecting import lend_pool, task_queue_in
from premortem.domain import timeline
from premortem.domain.ids import TaskId
from premortem.domain.tasks import QUEUES, Task
from premortem.domain.timeline import TaskFailed
from premortem.exceptions import Malformed
from premortem.ports import IncidentStore, Received, TaskQueue
from premortem.settings import Settings

_AT_ONCE = 10
_LOOK_SECONDS = 60
"""While dead letters are looked at they are hidden; should we be killed meanwhile, for so long."""
_PAGE = 1000


class DeadTask(Struct, frozen=True):
    """A task that was given up, and the fact that says why; None = it is not on the stored timeline."""

    queue: str
    task: Task
    failure: TaskFailed | None


def dead_tasks(settings: Settings, queue: str | None, limit: int) -> list[DeadTask]:
    """Return up to `limit` dead letters, of one queue or of all, in order of queue. Raises Malformed for no queue."""
    with lend_pool(settings) as pool:
        tasks, incidents = task_queue_in(settings, pool), PostgresIncidentStore(pool)
        found: list[DeadTask] = []
        for name in _queues(queue):
            with _looked_at(tasks, name, limit - len(found)) as letters:
                unique = {letter.task.id: letter.task for letter in letters}
                found += [DeadTask(name, task, _failure(incidents, task)) for task in unique.values()]
        return found


def dead_task(settings: Settings, task: TaskId) -> DeadTask:
    """Return one dead letter. Raises Malformed when there is none of that id."""
    for found in dead_tasks(settings, None, 1 << 30):
        if found.task.id == task:
            return found
    raise Malformed(f"there is no dead letter {task!r}. List them: premortem dlq list.")


def redrive(settings: Settings, which: str) -> int:
    """Send the dead letters of the queue `which`, or the one of that task id, back; return how many went."""
    with lend_pool(settings) as pool:
        tasks = task_queue_in(settings, pool)
        if which in QUEUES.values():
            return tasks.redrive(which)
        for name in _queues(None):
            if moved := tasks.redrive(name, TaskId(which)):
                return moved
    raise Malformed(f"{which!r} is neither a queue nor a dead letter. The queues: {', '.join(_queues(None))}.")


def _queues(only: str | None) -> Sequence[str]:
    names = sorted(QUEUES.values())
    if only is not None and only not in names:
        raise Malformed(f"there is no queue {only!r}. There are: {', '.join(names)}.")
    return names if only is None else [only]


@contextmanager
def _looked_at(tasks: TaskQueue, queue: str, limit: int) -> Iterator[list[Received]]:
    """Lend up to `limit` dead letters, which are visible again at the end."""
    held: list[Received] = []
    try:
        while len(held) < limit:
            more = tasks.receive(f"{queue}-dlq", min(_AT_ONCE, limit - len(held)), _LOOK_SECONDS)
            if not more:
                break
            held += more
        yield held
    finally:
        for received in held:
            tasks.extend(f"{queue}-dlq", received.receipt, 0)


def _failure(incidents: IncidentStore, task: Task) -> TaskFailed | None:
    """Return the newest fact that the task was given up."""
    newest, after, full = None, -1, True
    while full:
        page = incidents.timeline(task.tenant_id, task.incident_id, after, _PAGE)
        for row in page:
            fact = timeline.decode(row.value) if row.kind == TaskFailed.__name__ else None
            newest = fact if isinstance(fact, TaskFailed) and fact.task_id == task.id else newest
        after, full = page[-1].offset if page else after, len(page) == _PAGE
    return newest
