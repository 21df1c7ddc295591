"""Reopening: whether any future event could open a resolved incident again, asked of the very rule that would do it.

The rule is not repeated here. A copy of what the detector holds of the project (`Project.alone`) is given the
resolution, and then an event of each kind that the rule tells apart, as early as it could count: of a release first
seen later, of the release that holds the fix, of none after the longest quiet that is ever asked for; where that is in
quiet hours a fatal one, too; and all of them once more when a mute has ended. What none of these opens again, no event
of the next ten years would.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from premortem.domain.detection import users
from premortem.domain.detection.config import DAY_MS, HOUR_MS, MINUTE_MS
from premortem.domain.detection.detector import Detector
from premortem.domain.detection.known import Known
from premortem.domain.detection.project import STEERED, Project
from premortem.domain.detection.regression import EVERYWHERE
from premortem.domain.ids import EventId, Fingerprint, derive
from premortem.domain.incident import Incident, evolve
from premortem.domain.project_stream import ErrorSeen, Level, Resolved, tick
from premortem.domain.reopening_reasons import Asked, Reason, narrowings, obstacle
from premortem.domain.routing import react
from premortem.domain.timeline import HumanResponded, IncidentFact, IncidentReopened, IncidentResolved

HORIZON_MS = 3_660 * DAY_MS
"""Ten years: what would count only later, would count never."""
_LONGEST_QUIET_MS = 25 * HOUR_MS
"""A little more than the longest quiet after which an error that names no release is back."""
_A_LATER_RELEASE = "a release first seen later"

Verdict = Literal["ordinary", "narrow", "never"]


class Witness(Struct, frozen=True):
    """Events that open the incident again: so many like this one, each with an id of its own, from so many users."""

    event: ErrorSeen
    events: int = 1
    users: int = 1
    after_outburst: bool = False
    """Only once a mute's tripwire was broken, and if what broke it did not open an incident of its own."""


class Answer(Struct, frozen=True):
    """What could open the incident again.

    `never`: no event of the next ten years. `narrow`: the witness, and not what usually shows that a fix did not help.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    witness: Witness | None = None


def held(part: Callable[[str], bytes | None]) -> Project | None:
    """Return what the detector holds of a project besides its errors, from the few small parts of its snapshot.

    `part` returns a part by its name, None = there is none. None when there is nothing at all. The errors' own states
    are left out, so an error that belongs to another incident by now is taken to belong to the one that is asked about.
    """
    parts: Mapping[str, bytes] = {name: value for name in STEERED if (value := part(name)) is not None}
    return Project.restore(parts) if parts else None


def lint(incident: Incident, project: Project, at: int, fact: IncidentFact | None = None) -> Answer:
    """Say what could open the incident again after `at` (ms since 1970 UTC).

    `fact` is the resolution that is about to be written, or the answer of a person that leads to it; None = the
    resolution is one that the detector holds, or should hold. Neither the incident nor the project is changed.
    """
    after, records = _written(incident, fact) if fact is not None else (incident, {})
    tried = [_Error(after, project, name, records.get(name), at).answer() for name in after.fingerprints]
    found = min((_RANKS[each.verdict] for each in tried), default=len(_RANKS) - 1)
    best = [each for each in tried if _RANKS[each.verdict] == found]
    reasons = tuple(dict.fromkeys(reason for each in best for reason in each.reasons))
    if not best:
        return Answer("never", (Reason("no error is known of it", "Nothing mends that."),))
    rest = [reason for each in tried if each.verdict == "never" for reason in each.reasons]
    if rest and best[0].verdict != "never":
        some = f"{len(tried) - len(best)} of its {len(tried)} errors would not: {rest[0].why}"
        return Answer("narrow", (*reasons, Reason(some, rest[0].mend)), best[0].witness)
    return Answer(best[0].verdict, reasons, best[0].witness)


_RANKS: dict[Verdict, int] = {"ordinary": 0, "narrow": 1, "never": 2}


def _written(incident: Incident, fact: IncidentFact) -> tuple[Incident, dict[str, Resolved]]:
    """Return the incident after the fact and what policy makes of it, and what the detector is told, by error."""
    after = evolve(incident, fact)
    assert after is not None
    if not isinstance(fact, IncidentResolved | HumanResponded):
        return after, {}
    reaction = react(after, fact)
    records: dict[str, Resolved] = {r.fingerprint: r for r in reaction.records if isinstance(r, Resolved)}
    for follows in reaction.facts:
        after, more = _written(after, follows)
        records |= more
    return after, records


class _Error:
    """One error of the incident, its resolution, and what is tried on them."""

    def __init__(self, incident: Incident, project: Project, name: str, record: Resolved | None, at: int) -> None:
        self._incident, self._project, self._record, self._at = incident, project, record, at
        self._name = project.fingerprints.name(name)
        self._least_events = max(1, _whole(project.gates.rules.get("minimum_events", 1)))
        self._least_users = max(0, _whole(project.gates.rules.get("minimum_users", 0)))
        self._others, self._people_needed = _others(self._least_users)
        self._events_needed = max(self._least_events, self._people_needed)

    def answer(self) -> Answer:
        """Return what could open the incident again by this error."""
        asked = self._asked()
        witness = None if asked.owner else self._first()
        if witness is None:
            return Answer("never", (obstacle(asked),))
        reasons = tuple(narrowings(asked, witness.event, witness.after_outburst))
        return Answer("narrow" if reasons else "ordinary", reasons, witness)

    def _asked(self) -> Asked:
        """Return what the sentences speak of."""
        project, incident, scratch = self._project, self._incident, self._copy()
        owner, later = self._owner(project), self._owner_of_what_waits()
        found = scratch.resolutions.find(self._name, incident.environment)
        release = self._record.release if self._record else found[1].release if found else None
        return Asked(
            project_id=incident.project_id,
            fingerprint=self._name,
            owner="" if owner == incident.id else owner,
            waits=later != owner,
            merged=incident.merged_into is not None or project.incidents.of(incident.id) != incident.id,
            is_resolved=self._name in scratch.resolutions,
            resolved_at=self._record.resolved_at if self._record else found[1].at if found else 0,
            at=self._at,
            horizon=self._at + HORIZON_MS,
            release=release,
            release_seen=_first_seen(project, release, incident.environment),
            environment=incident.environment,
            environment_known=project.releases.environment_since(incident.environment) is not None,
            mute=project.gates.mutes.get(self._name),
            least_events=self._least_events,
            least_users=self._least_users,
        )

    def _owner(self, project: Project) -> str:
        """Return the incident that would be opened by the error."""
        known = project.fingerprints.look(self._name)
        return project.incidents.of(str(known.incident_id if known else self._incident.id))

    def _owner_of_what_waits(self) -> str:
        """Return the same once every signal has passed that is held back now: one of this error opens an incident."""
        scratch = self._copy()
        Detector.of(self._incident.project_id, scratch).judge(tick(self._at + _LONGEST_QUIET_MS))
        return self._owner(scratch)

    def _first(self) -> Witness | None:
        """Return the first event that the rule lets open the incident again, or None."""
        for outburst in (False, True):
            for event in self._events(outburst):
                if self._opens(event, outburst):
                    return Witness(event, self._events_needed, self._people_needed, outburst)
        return None

    def _events(self, outburst: bool) -> Iterator[ErrorSeen]:
        """Yield an event of each kind and time that the rule tells apart, the most ordinary first."""
        scratch, gates = self._copy(), self._project.gates
        mute = gates.mutes.get(self._name)
        if outburst and (mute is None or mute.tripwire is None):
            return
        for place in scratch.resolutions.places(self._name):
            where = None if place == EVERYWHERE else place
            _, resolution = scratch.resolutions.find(self._name, where) or (place, None)
            if resolution is None:
                continue
            soonest = max(self._at, resolution.at, resolution.last) + MINUTE_MS
            fixed = _first_seen(self._project, resolution.release, where) or 0
            for start in (soonest, max(soonest, mute.until + MINUTE_MS)) if mute and not outburst else (soonest,):
                for release, at in (
                    (self._later_release(), start),
                    (resolution.release, start),
                    (None, start + _LONGEST_QUIET_MS),
                    (self._later_release(), max(start, fixed + MINUTE_MS)),
                ):
                    if at <= self._at + HORIZON_MS:
                        yield self._event(release, where, gates.quiet_until(at) or at)
                        yield self._event(release, where, at, "fatal")

    def _opens(self, event: ErrorSeen, outburst: bool) -> bool:
        """Say whether the last of so many such events opens the incident again, as detector and status table have it.

        The ones before it are not sent one by one: what they leave behind is set.
        """
        scratch = self._copy()
        found = scratch.resolutions.find(self._name, event.environment)
        if found is not None:
            found[1].back += self._events_needed - 1
            found[1].users |= self._others
        if outburst:
            scratch.gates.unmute(self._name)
        facts = Detector.of(self._incident.project_id, scratch).judge(event)
        return any(self._is_opened_by(fact) for fact in facts)

    def _is_opened_by(self, fact: IncidentFact) -> bool:
        if not isinstance(fact, IncidentReopened) or fact.incident_id != self._incident.id:
            return False
        after = evolve(self._incident, fact)
        return after is not None and after.status == "reopened"

    def _copy(self) -> Project:
        scratch = self._project.alone(self._name, self._known())
        if self._record is not None:
            scratch.resolutions.resolve(self._name, self._record)
        return scratch

    def _known(self) -> Known:
        """Return what the rule reads of the error; of one that is not held, what the incident tells."""
        told = self._project.fingerprints.look(self._name)
        known = Known(told.first_seen if told else self._incident.first_seen)
        known.last_seen = told.last_seen if told else max(known.first_seen, self._incident.updated_at)
        known.total = told.total if told else 1
        known.incident_id = told.incident_id if told else self._incident.id
        return known

    def _later_release(self) -> str:
        name = _A_LATER_RELEASE
        while self._project.releases.first_seen(name) is not None:
            name += "'"
        return name

    def _event(self, release: str | None, environment: str | None, at: int, level: Level = "error") -> ErrorSeen:
        incident = self._incident
        return ErrorSeen(
            tenant_id=incident.tenant_id,
            project_id=incident.project_id,
            received_at=at,
            event_id=_event_id(0),
            hashes=(Fingerprint(self._name),),
            occurred_at=at,
            level=level,
            handled=False,
            title=incident.title,
            release=release,
            environment=environment,
            user_hash=_user(0),
        )


def _first_seen(project: Project, release: str | None, environment: str | None) -> int | None:
    there = project.releases.first_seen(release, environment or "")
    return there if there is not None else project.releases.first_seen(release)


def _others(least: int) -> tuple[int, int]:
    """Return the users besides `_user(0)` that it takes to count `least` of them, as a bitmap, and how many with it.

    As many as can be told apart when it is more than that.
    """
    number, others, mine = 1, 0, users.add(0, _user(0))
    while users.estimate(others | mine) < min(least, users.SATURATED):
        others = users.add(others, _user(number))
        number += 1
    return others, number


def _user(number: int) -> str:
    return f"user {number}"


def _event_id(number: int) -> EventId:
    return EventId(str(derive("reopening", number)).replace("-", ""))


def _whole(value: float) -> int:
    return -int(-value // 1)


def sentence(verdict: Verdict, reason: Reason) -> str:
    """Return what a person is told of one reason, and what mends it."""
    what = "Nothing could open it again" if verdict == "never" else "Only a narrow case could open it again"
    return f"{what}: {reason.why}. Mend it: {reason.mend}."
