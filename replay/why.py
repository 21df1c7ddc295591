"""Why: the log folded to a moment, and what every detector held of one error then: fired or silent, and what by."""

from msgspec import Struct

from premortem.domain.decision import Decision
from premortem.domain.detection import Detector
from premortem.domain.detection.explaining import Explanation, explain
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentReopened
from premortem.exceptions import Malformed
from premortem.ports import LogReader
from replay.reading import Progress, is_of, project_records

_MOST_NAMED = 20


class Told(Struct, frozen=True):
    """A decision that fired and stands on the timeline."""

    kind: str
    incident_id: str
    decision: Decision


class Answer(Struct, frozen=True):
    """Why a detector fired, or stayed silent."""

    title: str
    explanation: Explanation
    told: tuple[Told, ...]
    """What had been told of the error by then, oldest first."""


def why(
    log: LogReader,
    project: ProjectId,
    fingerprint: str,
    text: str,
    at: int | None,
    progress: Progress = lambda _done, _all: None,
) -> Answer:
    """Return what was known of an error at `at` (ms since 1970 UTC; None = now).

    Raises Malformed when no error of the project, or more than one, is meant.
    """
    detector, is_meant = Detector(), is_of(fingerprint, text)
    last: dict[str, ErrorSeen] = {}
    facts: list[IncidentFact] = []
    for offset, record in project_records(log, project, at, progress):
        facts.extend(detector.observe(offset, record))
        if isinstance(record, ErrorSeen) and record.hashes and is_meant(record):
            last[record.hashes[0]] = record
    facts.extend(detector.finish())
    event = _the_one(detector, last)
    explanation = explain(detector, event)
    if explanation is None:  # every event of it came a second time, under an id that had been another's
        raise Malformed("the project had sent no such error by then. Look at another time, or at another project.")
    return Answer(event.title, explanation, tuple(_told(facts, explanation.fingerprint)))


def _the_one(detector: Detector, last: dict[str, ErrorSeen]) -> ErrorSeen:
    """Return the newest event of the one error that is meant."""
    errors: dict[str, ErrorSeen] = {}
    for event in last.values():
        name = detector.project(event.project_id).fingerprints.name(event.hashes[0])
        if name not in errors or event.occurred_at >= errors[name].occurred_at:
            errors[name] = event
    if not errors:
        raise Malformed("the project had sent no such error by then. Look at another time, or at another project.")
    if len(errors) > 1:
        named = "; ".join(f"{name} {event.title[:60]}" for name, event in list(errors.items())[:_MOST_NAMED])
        raise Malformed(f"{len(errors)} errors are meant. Name one by --fingerprint: {named}")
    return next(iter(errors.values()))


def _told(facts: list[IncidentFact], fingerprint: str) -> list[Told]:
    """Return the decisions of the facts that name the fingerprint, and of its incidents' being re-opened."""
    found: list[Told] = []
    mine: dict[str, None] = {}
    for fact in facts:
        match fact:
            case IncidentDetected() | IncidentGrew() if fact.fingerprint == fingerprint:
                mine[fact.incident_id] = None
                found.append(Told(type(fact).__name__, fact.incident_id, fact.decision))
            case IncidentReopened() if fact.incident_id in mine and fact.decision is not None:
                found.append(Told(type(fact).__name__, fact.incident_id, fact.decision))
    return found
