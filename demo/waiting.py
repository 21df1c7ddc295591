"""Waiting for the facts of an incident, in order, and saying so when one does not come."""

import time
from collections.abc import Callable
from typing import TypeVar

from demo.stage import Stage
from premortem.domain.timeline import IncidentFact, TaskFailed
from premortem.exceptions import PremortemException
from premortem.ports import Project

F = TypeVar("F", bound=IncidentFact)
_LOOK_SECONDS = 0.2


class Missing(PremortemException):
    """A step of the story did not come."""


def first_incident(stage: Stage, project: Project, seconds: float) -> str:
    """Return the id of a project's first incident. Raises Missing after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := stage.incidents(project=project.id)):
        if time.monotonic() > deadline:
            raise Missing(f"No incident was opened within {seconds:.0f} s. Look at: premortem logs dataflows.")
        time.sleep(_LOOK_SECONDS)
    return str(found[-1]["id"])


class Watch:
    """What was seen of one incident's timeline; each fact is shown once, when it appears."""

    def __init__(self, stage: Stage, incident: str, show: Callable[[IncidentFact], None]) -> None:
        self.incident, self._stage, self._show = incident, stage, show
        self.facts: list[IncidentFact] = []

    def until(self, kind: type[F], what: str, seconds: float) -> F:
        """Return the next fact of a kind behind those that were seen. Raises Missing, with `what`, after `seconds` or
        when work was given up.
        """
        deadline = time.monotonic() + seconds
        while True:
            for fact in self._news():
                self.facts.append(fact)
                self._show(fact)
                if isinstance(fact, kind):
                    return fact
                if isinstance(fact, TaskFailed):
                    raise Missing(f"{what} did not come: {fact.stage} was given up. {fact.reason}")
            if time.monotonic() > deadline:
                raise Missing(f"{what} did not come within {seconds:.0f} s. Look at: premortem logs worker.")
            time.sleep(_LOOK_SECONDS)

    def _news(self) -> list[IncidentFact]:
        return self._stage.facts(self.incident)[len(self.facts) :]
