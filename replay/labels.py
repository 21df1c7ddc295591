"""Labels: which incidents a person confirmed and which a person rejected, read from the timeline."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from premortem.domain.incident import fold
from premortem.domain.timeline import (
    FixApplied,
    HumanResponded,
    IncidentFact,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    TimelineTicked,
    decode,
)
from premortem.ports import LogReader
from replay.reading import batches

Verdict = Literal["confirmed", "rejected"]


class Error(NamedTuple):
    """Whose counts they are."""

    tenant: str
    project: int
    fingerprint: str


class Label(Struct, frozen=True):
    """An incident and what a person made of it; times in milliseconds since 1970 UTC."""

    incident_id: str
    errors: tuple[Error, ...]
    onset: int
    opened_at: int
    verdict: Verdict


def timeline(log: LogReader, tenant: str) -> Iterator[IncidentFact]:
    """Yield the tenant's facts on the timeline, each incident's in order."""
    lows = log.low_watermarks("debugging.timeline")
    for partition, head in enumerate(log.heads("debugging.timeline")):
        for found in batches(log, "debugging.timeline", partition, lows[partition], head):
            yield from (fact for fact in facts(each.value for each in found) if fact.tenant_id == tenant)


def facts(records: Iterable[bytes]) -> Iterator[IncidentFact]:
    """Yield what can be read of the timeline's records; ticks and dead letters are passed over."""
    for record in records:
        try:
            fact = decode(record)
        except ValueError:
            continue
        if not isinstance(fact, TimelineTicked):
            yield fact


def labels(found: Iterable[IncidentFact]) -> list[Label]:
    """Return the incidents that a person confirmed or rejected, in the order of their onsets.

    An incident that was merged into another one has the other's verdict.
    """
    timelines: dict[str, list[IncidentFact]] = {}
    for fact in found:
        timelines.setdefault(fact.incident_id, []).append(fact)
    judged = [_label(each, verdict(_merged(each, timelines))) for each in timelines.values()]
    return sorted((each for each in judged if each is not None), key=lambda each: (each.onset, each.incident_id))


def verdict(found: Iterable[IncidentFact]) -> Verdict | None:
    """Return what people made of an incident, by the facts of its timeline; None = nobody said.

    - Rejected: somebody suppressed it (`IncidentSuppressed`). That may also mean "not now", which cannot be told apart.
    - Confirmed: somebody resolved it by hand, merged its fix, re-opened it, or answered it (`HumanResponded`).
    The last one counts, but an answer never lifts a rejection: it may be the reason given for it. What the machine
    said (quiet, verified, re-opened by an event, suppressed by nobody) is no label.
    """
    said: Verdict | None = None
    for fact in found:
        match fact:
            case IncidentSuppressed() if fact.by is not None:
                said = "rejected"
            case IncidentResolved() if fact.reason == "by_person":
                said = "confirmed"
            case FixApplied():
                said = "confirmed"
            case IncidentReopened() if fact.decision is None and fact.event_id is None:
                said = "confirmed"
            case HumanResponded() if said is None:
                said = "confirmed"
            case _:
                pass
    return said


def _merged(found: list[IncidentFact], timelines: Mapping[str, list[IncidentFact]]) -> list[IncidentFact]:
    """Return the facts of the incident that the last of a chain of mergers led to."""
    passed = {found[0].incident_id}
    while into := next((f.into for f in found if isinstance(f, IncidentMerged) and f.into not in passed), None):
        if into not in timelines:
            break
        passed.add(into)
        found = timelines[into]
    return found


def _label(found: list[IncidentFact], said: Verdict | None) -> Label | None:
    incident = fold(found)
    if incident is None or said is None:
        return None
    errors = tuple(Error(incident.tenant_id, incident.project_id, each) for each in incident.fingerprints)
    onset = min(incident.decisions[0].onset, incident.opened_at)
    return Label(incident.id, errors, onset, incident.opened_at, said)
