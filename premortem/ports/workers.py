"""What workers say of themselves, for whoever watches them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from premortem.domain.work import WorkTally


class WorkerBook(Protocol):
    """Which queues have workers that live, and what became of the tasks that they were handed, all workers together.

    It is for operators: nothing is decided by it.
    """

    def note(self, worker: str, queues: Sequence[str], tallies: Mapping[str, WorkTally]) -> None:
        """Write down that `worker` lives and reads `queues`, and add to what became of tasks by queue; all or nothing.

        A worker that was not heard of for a day is forgotten.
        """

    def leave(self, worker: str) -> None:
        """Write down that `worker` has ended, as it was told to."""

    def readers(self, within_seconds: float) -> Mapping[str, int]:
        """Return how many workers were heard of in that time, by queue; queues that none reads are left out."""

    def tallies(self) -> Mapping[str, WorkTally]:
        """Return what became of tasks, by queue."""
