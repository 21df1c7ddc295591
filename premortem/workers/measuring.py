"""Measuring: what the archive counts around a deploy, as the slots that a verdict is made of."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct

from premortem.domain.error_event import ErrorEvent
from premortem.domain.evaluation import (
    FEWEST_EVENTS,
    FEWEST_SESSIONS,
    MINUTE_MS,
    WEEK_MS,
    Observed,
    Place,
    Slot,
    is_sibling,
    places,
)
from premortem.domain.ids import EventId, Fingerprint
from premortem.domain.incident import Incident
from premortem.domain.observations import Exposure, NewErrorMeasured, ReleaseMeasured
from premortem.ports import EvidenceStore, NewError, SlotCount
from premortem.sentry.event_payload import normalise
from premortem.workers.deploys import History

LAG_MS = 5 * MINUTE_MS
"""What is younger may not be in the archive yet."""
_LONGEST_MS = 4 * WEEK_MS
_WIDE_MS, _WIDE_FROM_MS = 10 * MINUTE_MS, 16 * 60 * MINUTE_MS
"""Slots of ten minutes once there are a hundred of them before the deploy; of one minute before that."""
_MOST_RELEASES, _MOST_ERRORS, _MOST_BEFORE = 200, 50, 500


class Fix(Struct, frozen=True, kw_only=True):
    """A deployed fix."""

    release: str
    environment: str
    commit: str
    deployed_at: int
    onset: int
    """When the errors began that it is to end."""
    paths: tuple[str, ...]
    """Files that it changed, as far as they are known."""


class Measured(Struct, frozen=True, kw_only=True):
    """What was counted: for the verdict, and as it is kept."""

    observed: Observed
    exposure: Exposure
    siblings: tuple[Fingerprint, ...]


class _Times(Struct, frozen=True):
    begin: int
    deployed: int
    end: int
    width: int

    @property
    def slots_before(self) -> int:
        return (self.deployed - self.begin) // self.width

    @property
    def slots_after(self) -> int:
        return (self.end - self.deployed) // self.width


class _Counts(Struct, frozen=True):
    events: Sequence[SlotCount]
    sessions: Sequence[SlotCount]
    everything: Sequence[SlotCount]
    """Events of all errors, the incident's among them; not counted where sessions tell of traffic."""


def measure(store: EvidenceStore, history: History, incident: Incident, fix: Fix, at: int) -> Measured:
    """Return what the archive holds of the time from the onset to `at` (ms since 1970 UTC). Raises Unavailable."""
    times = _times(fix, at)
    where = (incident.tenant_id, incident.project_id, fix.environment)
    span = (times.begin, times.end, times.width)
    fixed = (fix.release, *_later(store, history, incident, fix))
    events = store.release_counts(*where, incident.fingerprints, *span)
    sessions = store.release_sessions(*where, *span)
    told = _told_by_sessions(sessions, fixed, times)
    counts = _Counts(events, sessions, () if told else store.release_activity(*where, *span))
    fresh, siblings = _new_errors(store, incident, fix, fixed, times)
    before = _new_before(store, incident, fix, times)
    return Measured(
        observed=_observed(counts, fixed, times, fresh, siblings, before),
        exposure=_exposure(counts, fixed, times, fresh, siblings, before),
        siblings=tuple(sorted(siblings)),
    )


def _times(fix: Fix, at: int) -> _Times:
    """Return the times: slots begin and end with the deploy, and the first one holds the onset."""
    deployed = fix.deployed_at
    length = min(max(deployed - fix.onset, MINUTE_MS), _LONGEST_MS)
    width = _WIDE_MS if length >= _WIDE_FROM_MS else MINUTE_MS
    after = max(at - LAG_MS - deployed, 0)
    return _Times(deployed - -(-length // width) * width, deployed, deployed + after // width * width, width)


def _told_by_sessions(sessions: Sequence[SlotCount], fixed: Sequence[str], times: _Times) -> bool:
    """Tell whether sessions say how much the releases are used, so that a project's events need not be counted."""
    before = sum(each.count for each in sessions if each.slot < times.slots_before)
    return before >= FEWEST_SESSIONS and any(
        each.slot >= times.slots_before and each.release in fixed and each.count for each in sessions
    )


def _later(store: EvidenceStore, history: History, incident: Incident, fix: Fix) -> list[str]:
    """Return the other releases whose events count as after the fix: newer ones that are not known to be without it.

    Events that name no release may be of any: they count, so that they can only stand against the fix.
    """
    where = (incident.tenant_id, incident.project_id, fix.environment)
    newer = [found.release for found in store.releases_since(*where, fix.deployed_at, _MOST_RELEASES)]
    return ["", *(name for name in newer if name != fix.release and history.carries(name, fix.commit) is not False)]


def _new_errors(
    store: EvidenceStore, incident: Incident, fix: Fix, fixed: Sequence[str], times: _Times
) -> tuple[list[NewError], dict[Fingerprint, int]]:
    """Return the errors that came with the fix's releases, and of these the siblings with their events."""
    where = (incident.tenant_id, incident.project_id, fix.environment)
    found = store.new_errors(*where, fixed, times.deployed, times.end, _MOST_ERRORS)
    fresh = [error for error in found if error.fingerprint not in incident.fingerprints]
    near = places(fix.paths, _event(store, incident, EventId(incident.event_id)))
    siblings = {error.fingerprint: error.events for error in fresh if _touches(store, incident, error, near)}
    return fresh, siblings


def _touches(store: EvidenceStore, incident: Incident, error: NewError, near: Sequence[Place]) -> bool:
    event = _event(store, incident, error.event_id) if near else None
    return event is not None and is_sibling(event, near)


def _event(store: EvidenceStore, incident: Incident, event_id: EventId) -> ErrorEvent | None:
    row = store.event(incident.tenant_id, incident.project_id, event_id)
    if row is None:
        return None
    try:
        payload = msgspec.json.decode(row.payload)
    except ValueError:
        return None
    if not isinstance(payload, dict):
        return None
    return normalise(payload, event_id=row.event_id, received_at=row.received_at)[1]


def _new_before(store: EvidenceStore, incident: Incident, fix: Fix, times: _Times) -> int:
    where = (incident.tenant_id, incident.project_id, fix.environment)
    found = store.new_errors(*where, (), times.begin, times.deployed, _MOST_BEFORE)
    return sum(error.events >= FEWEST_EVENTS and error.fingerprint not in incident.fingerprints for error in found)


def _observed(
    counts: _Counts,
    fixed: Sequence[str],
    times: _Times,
    fresh: Sequence[NewError],
    siblings: dict[Fingerprint, int],
    new_before: int,
) -> Observed:
    new = [error for error in fresh if error.fingerprint not in siblings and error.events >= FEWEST_EVENTS]
    split, last = times.slots_before, times.slots_before + times.slots_after
    return Observed(
        width=times.width,
        before=_slots(counts, range(split), lambda _: True),
        after=_slots(counts, range(split, last), lambda release: release in fixed),
        old=_slots(counts, range(split, last), lambda release: release not in fixed),
        moved=sum(siblings.values()),
        new_before=new_before,
        new_after=len(new),
        new_events=sum(error.events for error in new),
    )


def _slots(counts: _Counts, slots: range, releases: Callable[[str], bool]) -> tuple[Slot, ...]:
    """Return the slots of some releases; other errors are what is left of all when the incident's are taken off."""
    events, sessions, everything = (
        _sums(each, releases) for each in (counts.events, counts.sessions, counts.everything)
    )
    return tuple(Slot(events[n], sessions[n], max(0, everything[n] - events[n])) for n in slots)


def _sums(counts: Iterable[SlotCount], releases: Callable[[str], bool]) -> Counter[int]:
    sums: Counter[int] = Counter()
    for each in counts:
        if releases(each.release):
            sums[each.slot] += each.count
    return sums


def _exposure(
    counts: _Counts,
    fixed: Sequence[str],
    times: _Times,
    fresh: Sequence[NewError],
    siblings: dict[Fingerprint, int],
    new_before: int,
) -> Exposure:
    events, sessions, everything = (
        _split(each, times.slots_before) for each in (counts.events, counts.sessions, counts.everything)
    )
    nothing = (0, 0)
    return Exposure(
        begin=times.begin,
        deployed_at=times.deployed,
        end=times.end,
        releases=tuple(
            ReleaseMeasured(
                release=release,
                carries_fix=release in fixed,
                events=events.get(release, nothing),
                sessions=sessions.get(release, nothing),
                others=_less(everything.get(release, nothing), events.get(release, nothing)),
            )
            for release in sorted({*events, *sessions, *everything})
        ),
        new_errors=tuple(
            NewErrorMeasured(
                fingerprint=error.fingerprint,
                title=error.title,
                event_id=error.event_id,
                events=error.events,
                sibling=error.fingerprint in siblings,
            )
            for error in fresh
        ),
        new_errors_before=new_before,
    )


def _split(counts: Iterable[SlotCount], deploy: int) -> dict[str, tuple[int, int]]:
    """Return, by release, the counts before the slot of the deploy and from it on."""
    sums: dict[str, tuple[int, int]] = {}
    for each in counts:
        before, after = sums.get(each.release, (0, 0))
        late = each.slot >= deploy
        sums[each.release] = (before + each.count * (not late), after + each.count * late)
    return sums


def _less(all_of_them: tuple[int, int], some: tuple[int, int]) -> tuple[int, int]:
    return max(0, all_of_them[0] - some[0]), max(0, all_of_them[1] - some[1])
