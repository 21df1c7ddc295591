"""Observing: one error event through everything that its project knows, and the facts that follow."""

from collections.abc import Sequence

from premortem.domain.decision import Decision
from premortem.domain.detection import findings
from premortem.domain.detection.config import DAY_MS, HOUR_MS, MINUTE_MS
from premortem.domain.detection.gates import TRIPWIRE
from premortem.domain.detection.growth import QUARTER_MS
from premortem.domain.detection.judging import Seen, back, is_awaited, is_urgent, ramp, signal, spike
from premortem.domain.detection.judging import news as judge_news
from premortem.domain.detection.known import Known
from premortem.domain.detection.novelty import Young, is_over
from premortem.domain.detection.project import Project
from premortem.domain.detection.scan import NOT_OPEN
from premortem.domain.ids import IncidentId
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew

_NOTHING: tuple[IncidentFact, ...] = ()


def observe_error(event: ErrorSeen, project: Project, clock: int) -> Sequence[IncidentFact]:
    """Take an event into its project and return what it shows, mostly nothing."""
    if not event.hashes or project.event_ids.is_duplicate(event.event_id):
        return _NOTHING
    fingerprint, known = project.fingerprints.find(event.hashes)
    if known is None:
        known = _meet(event, project, clock)
    environment = project.releases.see(event.release, event.environment, event.occurred_at)
    _watch(event, known, project, environment)
    known.see(event.occurred_at)
    grows, fires = _count(event, known, project, clock)
    news = known.young is not None and _count_news(event, known.young, project)
    resolved = fingerprint in project.resolutions
    if not (fires or grows or resolved or news):
        return _NOTHING
    seen = Seen(event, fingerprint, known, project, clock)
    facts: list[IncidentFact] = []
    if resolved:
        _come_back(seen, facts)
    if news and known.young is not None:
        _make_news(seen, known.young, facts)
    if fires:
        _spike(seen, facts)
    if grows:
        _ramp(seen, facts)
    return facts


def apply(facts: Sequence[IncidentFact], project: Project) -> None:
    """Note which incident each fingerprint of the facts belongs to now."""
    for fact in facts:
        if isinstance(fact, IncidentDetected | IncidentGrew):
            known = project.fingerprints.look(fact.fingerprint)
            if known is not None:
                known.incident_id = fact.incident_id
                known.waiting = False


# ------------------------------------------------------------------------------------------------ taking in
def _meet(event: ErrorSeen, project: Project, clock: int) -> Known:
    """Return what is known from now on of an error that the project has never sent before."""
    known = Known(event.occurred_at, event.release)
    known.young = Young(event.occurred_at)
    project.fingerprints.add(event.hashes, known)
    project.new_errors.bear(project.config)
    project.incidents.correlator.learn(event.root_type, event.culprit, clock)
    return known


def _watch(event: ErrorSeen, known: Known, project: Project, environment: int) -> None:
    """Begin to watch an error that is new where it is, or back in a release that did not have it."""
    at, config = event.occurred_at, project.config
    new_here = known.total > 0 and not known.environments & environment
    known.environments |= environment
    if known.young is not None:
        if not is_over(known.young, at):
            return
        known.young = None
    if known.total == 0:
        return
    if new_here:
        since = project.releases.environment_since(event.environment)
        if since is not None and at - since >= config.environment_hours * HOUR_MS:
            known.young = Young(at, "environment")
    elif at - known.last_seen >= config.return_days * DAY_MS:
        released = project.releases.first_seen(event.release, event.environment or "")
        if released is not None and released > known.last_seen:
            known.young = Young(at, "release")


def _count(event: ErrorSeen, known: Known, project: Project, clock: int) -> tuple[bool, bool]:
    """Count the event in its quarter day and in its minute; return whether a ramp is to be judged, and a window."""
    bucket = event.occurred_at // MINUTE_MS
    if clock // MINUTE_MS - bucket > project.config.late_minutes:
        known.late += 1
        return False, False
    ramp = known.ramp
    grows = ramp is not None and ramp.add(event.occurred_at // QUARTER_MS)
    return grows, known.count(bucket, event.user_hash, project.rates, project.config, project.exposure)


def _count_news(event: ErrorSeen, young: Young, project: Project) -> bool:
    """Count the event of an error that is news; return whether it may be told: urgent, outstanding, or awaited."""
    sums = project.new_errors
    sums.count(young, event.occurred_at, event.user_hash)
    if young.told or event.level not in ("error", "fatal"):
        return False
    if is_urgent(event) or sums.stands_out(young, event.occurred_at, project.config):
        return True
    return is_awaited(event, young, project)


# ------------------------------------------------------------------------------------------------- deciding
def _make_news(seen: Seen, young: Young, facts: list[IncidentFact]) -> None:
    known = seen.known
    if young.told:  # it has just come back
        return
    decision = judge_news(seen, young)
    if decision is None or not _is_to_be_told(decision):
        return
    young.told = True
    if known.scan is not None:
        known.scan.open_novel()
    _signal(seen, decision, is_urgent(seen.event), facts)


def _come_back(seen: Seen, facts: list[IncidentFact]) -> None:
    found = back(seen)
    if found is None or not _is_to_be_told(found[0]):
        return
    decision, where = found
    seen.project.resolutions.use_up(seen.fingerprint, where)
    if seen.known.young is not None:
        seen.known.young.told = True
    if seen.known.incident_id is not None and decision.fired:
        incident = IncidentId(seen.project.incidents.of(seen.known.incident_id))
        facts.append(findings.reopened(seen.event, incident, decision))
    else:
        _signal(seen, decision, is_urgent(seen.event), facts)


def _spike(seen: Seen, facts: list[IncidentFact]) -> None:
    judged = spike(seen)
    if judged is None or not _is_to_be_told(judged[0]):
        return
    decision, found = judged
    scan, known = seen.known.scan, seen.known
    assert scan is not None  # it has just been judged
    was_open = scan.opened_at != NOT_OPEN and known.incident_id is not None
    scan.tell(found)
    _unmute(seen, decision)
    if was_open and decision.fired and not known.waiting:
        _grow(seen, decision, facts)
    else:
        _signal(seen, decision, seen.event.level == "fatal", facts)


def _ramp(seen: Seen, facts: list[IncidentFact]) -> None:
    decision, ramping, known = ramp(seen), seen.known.ramp, seen.known
    if decision is None or ramping is None:
        return
    if not _is_to_be_told(decision):
        ramping.hold()
        return
    was_open = ramping.is_told and known.incident_id is not None and seen.fingerprint not in seen.project.resolutions
    ramping.tell()
    _unmute(seen, decision)
    if was_open and decision.fired and not known.waiting:
        _grow(seen, decision, facts)
    else:
        _signal(seen, decision, False, facts)


def _unmute(seen: Seen, decision: Decision) -> None:
    """Forget the mute whose tripwire let the decision pass."""
    if any(gate.name == TRIPWIRE for gate in decision.gates):
        seen.project.gates.unmute(seen.fingerprint)


def _is_to_be_told(decision: Decision) -> bool:
    """Return whether the decision fired, or only quiet hours stand before it."""
    return decision.fired or findings.waits(decision)


def _grow(seen: Seen, decision: Decision, facts: list[IncidentFact]) -> None:
    incident = IncidentId(seen.project.incidents.of(str(seen.known.incident_id)))
    facts.append(findings.grew(seen.event, seen.fingerprint, incident, decision))


def _signal(seen: Seen, decision: Decision, urgent: bool, facts: list[IncidentFact]) -> None:
    """Hand the decision to the project's incidents: it opens one, joins one, or is held."""
    project, told = seen.project, signal(seen, decision, urgent)
    seen.known.waiting = True
    if decision.fired:
        found = project.incidents.take(told, seen.clock, project.config)
    else:
        until = project.gates.quiet_until(seen.clock)
        found = project.incidents.wait(told, until, seen.clock, project.config)
    apply(found, project)
    facts += found
