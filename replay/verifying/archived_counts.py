"""What was counted in the archive, counted there once more: as far as the rows are still there.

The archive has a retention, and a late event may still come in: fewer rows than were cited are gone, more have arrived
since, and neither is a failure. An event that is there and says something else is one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from premortem.domain.archive import ArchivedEvent
from premortem.domain.evidence import Evidence
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.observations import BlastRadius, EventSeen, Exposure, Onset, read
from premortem.domain.timeline import EvaluationCompleted
from premortem.exceptions import Unavailable
from premortem.ports import Errors, MinuteCount, Reach, SlotCount
from replay.verifying.checked import Check, Wrong, differing, distinct
from replay.verifying.frozen_evidence import evidence_of
from replay.verifying.kept_state import Link

NOT_ASKED = "The archive was not asked: ClickHouse does not answer. What is cited is frozen and stands without it."
_GONE = "Rows are gone from the archive: their retention is over, or they were erased."


class Archive(Protocol):
    """Of the evidence store what a verification asks."""

    def event(self, tenant: TenantId, project: ProjectId, event_id: EventId) -> ArchivedEvent | None:
        """Return one event, or None."""

    def counts(
        self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint, start: int, end: int
    ) -> Sequence[MinuteCount]:
        """Return events per minute."""

    def reach(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Reach | None:
        """Return how far the errors reach, or None when there are no events."""

    def release_counts(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        fingerprints: Sequence[Fingerprint],
        start: int,
        end: int,
        width: int,
    ) -> Sequence[SlotCount]:
        """Return events of any of the fingerprints, by release and slots of `width` ms."""


def archive_check(links: Sequence[Link], archive: Archive | None) -> Check:
    """Return the check of the counts and events that the archive gave. None = it is away."""
    wrong: list[Wrong] = []
    said: list[str] = []
    count = gone = 0
    for link in links:
        for each in evidence_of(link.placed.fact):
            ask = _question(each, link)
            if ask is None:
                continue
            count += 1
            where = f"{link.placed.where}, evidence {each.id}"
            try:
                found = ask(archive) if archive is not None else [NOT_ASKED]
            except Unavailable:
                archive, found = None, [NOT_ASKED]  # what is away once would be waited for each time
            gone += any(sentence in (_GONE, NOT_ASKED) for sentence in found)
            said += [sentence for sentence in found if isinstance(sentence, str)]
            wrong += [
                Wrong(f"{where}, {one.where}", one.expected, one.found) for one in found if isinstance(one, Wrong)
            ]
    return Check(
        what="counts are those of the archive", count=count, gone=gone, wrong=tuple(wrong), said=distinct(said)
    )


_Found = list[str | Wrong]
_Whose = tuple[TenantId, ProjectId]
_Ask = Callable[[Archive], _Found]


def _question(evidence: Evidence, link: Link) -> _Ask | None:
    """Return how the observation is made once more; None where the archive did not make it alone."""
    asked, fact = dict(evidence.parameters), link.placed.fact
    whose = (link.incident.tenant_id, link.incident.project_id)
    if {"fingerprints", "start", "end"} <= asked.keys():
        if (onset := read(evidence, Onset)) is not None:
            return lambda archive: _minutes(archive, whose, _errors(asked), onset)
        if (reach := read(evidence, BlastRadius)) is not None:
            return lambda archive: _reach(archive, whose, _errors(asked), reach)
    if (event := read(evidence, EventSeen)) is not None:
        return lambda archive: _event(archive, whose, event)
    if isinstance(fact, EvaluationCompleted) and (exposure := read(evidence, Exposure)) is not None:
        return lambda archive: _exposure(archive, link.incident, fact.environment or "", exposure)
    return None


def _errors(asked: dict[str, str]) -> Errors:
    prints = tuple(Fingerprint(each) for each in asked["fingerprints"].split(",") if each)
    return Errors(fingerprints=prints, start=int(asked["start"]), end=int(asked["end"]))


def _minutes(archive: Archive, whose: _Whose, errors: Errors, onset: Onset) -> _Found:
    now = Counter[int]()
    for fingerprint in errors.fingerprints:
        for each in archive.counts(*whose, fingerprint, errors.start, errors.end):
            now[each.minute] += each.count
    return _compared([(count, now[minute]) for minute, count in onset.minutes], "events in those minutes")


def _reach(archive: Archive, whose: _Whose, errors: Errors, reach: BlastRadius) -> _Found:
    now = archive.reach(*whose, errors)
    return _compared([(reach.events, now.events if now else 0)], "events")


def _event(archive: Archive, whose: _Whose, event: EventSeen) -> _Found:
    now = archive.event(*whose, EventId(event.event_id))
    return [_GONE] if now is None else list(differing(f"event {event.event_id}", _said_of(now, event)))


def _said_of(now: ArchivedEvent, event: EventSeen) -> Iterator[tuple[str, object, object]]:
    """Yield what stands in the archive beside what was frozen, as long as that is."""
    yield "occurred at", now.occurred_at, event.occurred_at
    yield "release", now.release[: len(event.release)], event.release


def _exposure(archive: Archive, incident: Incident, environment: str, exposure: Exposure) -> _Found:
    """Ask for the events before the deploy and after it, by release."""
    pairs: list[tuple[int, int]] = []
    for half, (start, end) in enumerate(((exposure.begin, exposure.deployed_at), (exposure.deployed_at, exposure.end))):
        now: Counter[str] = Counter()
        if end > start:
            where = (incident.tenant_id, incident.project_id, environment)
            for each in archive.release_counts(*where, incident.fingerprints, start, end, end - start):
                now[each.release] += each.count
        pairs += [(release.events[half], now[release.release]) for release in exposure.releases]
    return _compared(pairs, "events of those releases")


def _compared(pairs: Sequence[tuple[int, int]], what: str) -> _Found:
    """Return what there is to say of (count as it was cited, count as it is now)."""
    more = sum(max(0, now - cited) for cited, now in pairs)
    found: _Found = [_GONE] if any(now < cited for cited, now in pairs) else []
    return [*found, f"{more} more {what} have arrived since they were counted."] if more else found
