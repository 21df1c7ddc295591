"""Who made an answer: a signature is completed in one place, with the task, the time it took and where its trace is."""

from msgspec.structs import replace

from premortem.domain.evidence import Made
from premortem.domain.tasks import Task
from premortem.ports import Tracer


def signed(made: Made, task: Task, tracer: Tracer, step: str, duration_ms: int) -> Made:
    """Return the signature of an answer to `task`."""
    trace = tracer.trace_id(task.incident_id, step, task.attempt)
    return replace(
        made,
        task_id=task.id,
        attempt=task.attempt,
        duration_ms=duration_ms,
        trace_id=trace,
        trace_url=tracer.trace_url(trace),
    )
