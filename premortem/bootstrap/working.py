"""Working: a worker with the handlers that the settings allow, between the queues and the log."""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from threading import Event

from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.pulse import Pulse
from premortem.bootstrap.agents import tracer_of
from premortem.bootstrap.answering import handlers
from premortem.bootstrap.connecting import connect, crash_points
from premortem.domain.tasks import QUEUES
from premortem.domain.work import WorkTally
from premortem.exceptions import Malformed, PremortemException
from premortem.ports import WorkerBook
from premortem.settings import Settings
from premortem.workers.attempt import Attempt
from premortem.workers.loop import Loop, Pace

_LOGGER = logging.getLogger(__name__)
_NOTE_SECONDS = 10.0
_POSTGRES_WAIT, _SQS_WAIT = 1, 5
"""Seconds that a worker waits for a task: PostgreSQL is looked at four times a second anyhow, SQS costs by the call."""
_OTHER_CONNECTIONS = 3


def run_worker(settings: Settings, queues: Sequence[str], threads: int, stop: Event) -> int:
    """Work on the tasks of `queues` (none = of all that there are handlers for) until `stop` is set; return the exit
    code. A thread may still be working then: leave with `os._exit`.

    Raises Malformed for a queue that is none, and what `connect` raises.
    """
    if unknown := set(queues) - set(QUEUES.values()):
        raise Malformed(f"there is no queue {min(unknown)!r}. There are: {', '.join(sorted(QUEUES.values()))}.")
    pulse = Pulse(settings.data_dir.absolute() / "run")
    adapters = connect(settings, connections=_OTHER_CONNECTIONS + threads * len(queues or QUEUES))
    tracer = tracer_of(settings)
    known = handlers(settings, adapters, tracer)
    read = [queue for queue in known.queues() if queue in (queues or known.queues())]
    for queue in sorted(set(queues) - set(read)):
        _LOGGER.warning("%s is not read: there is no handler for its tasks", queue)
    _LOGGER.info("%s threads each for: %s", threads, ", ".join(read) or "no queue")
    attempt = Attempt(
        known,
        adapters.incident_store,
        adapters.event_log,
        Patience(stop),
        stop,
        tracer,
        crash=crash_points(),
    )
    with closing(_Notes(adapters.worker_book, read, lambda: pulse.read("worker"))) as notes:
        pace = Pace(wait=_SQS_WAIT if settings.sqs_region else _POSTGRES_WAIT)
        return Loop(adapters.task_queue, attempt, stop, pace=pace, note=notes).run(read, threads)


class _Notes:
    """What this worker writes into the book: at once when there is something to count, else every ten seconds."""

    def __init__(self, book: WorkerBook, queues: Sequence[str], beat: Callable[[], None]) -> None:
        self._book, self._queues, self._beat = book, queues, beat
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._due = 0.0

    def __call__(self, tallies: Mapping[str, WorkTally]) -> None:
        """Beat for the health check, and write what is due."""
        self._beat()
        if tallies or time.monotonic() >= self._due:
            self._book.note(self._name, self._queues, tallies)
            self._due = time.monotonic() + _NOTE_SECONDS

    def close(self) -> None:
        """Take leave, so that nobody misses this worker; where that fails it is missed for a minute."""
        try:
            self._book.leave(self._name)
        except PremortemException as problem:
            _LOGGER.warning("the worker's leave could not be written: %s", problem)
