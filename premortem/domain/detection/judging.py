"""Judging: what an event shows about its fingerprint, detector by detector, each answer with every gate and number.

The same functions decide and explain: asked to `look`, they also return the decision that did not fire.
"""

from typing import NamedTuple

from premortem.domain.decision import LEVEL_GATE, Decision, Gate
from premortem.domain.detection import findings, regression, users
from premortem.domain.detection.config import LIMITS, MINUTE_MS
from premortem.domain.detection.gates import Asked, clamped
from premortem.domain.detection.growth import RampFinding
from premortem.domain.detection.known import Known
from premortem.domain.detection.novelty import StandsOut, Young
from premortem.domain.detection.project import Project
from premortem.domain.detection.scan import Finding
from premortem.domain.detection.signals import Signal
from premortem.domain.ids import Fingerprint
from premortem.domain.project_stream import ErrorSeen


class Seen(NamedTuple):
    """An event on its way through the detectors."""

    event: ErrorSeen
    fingerprint: str
    known: Known
    project: Project
    clock: int
    """Milliseconds since 1970 UTC: the newest time that the log has told."""

    def ask(self, asked: Asked) -> tuple[Gate, ...]:
        """Return the common gates."""
        return self.project.gates.ask(self.event, self.fingerprint, asked, self.clock, self.project.config)


def is_urgent(event: ErrorSeen) -> bool:
    """Return whether nothing caught the error, or it ended the program."""
    return event.handled is False or event.level == "fatal"


# ---------------------------------------------------------------------------------------------------- news
def news(seen: Seen, young: Young) -> Decision:
    """Say whether an error is news: never sent before, new in an environment, or back in a new release."""
    event, config, sums = seen.event, seen.project.config, seen.project.new_errors
    is_error, urgent = event.level in ("error", "fatal"), is_urgent(event)
    events, people = sums.look(young, event.occurred_at, config)
    gates = (  # those before LEVEL_GATE are alternatives
        Gate("unhandled or fatal", float(urgent), 1.0, urgent),
        Gate(f"events in its first {_span(events)}", events.number, events.limit, events.passed),
        Gate(f"users in its first {_span(people)}", people.number, people.limit, people.passed),
        *_of_incident(seen, young),
        Gate(LEVEL_GATE, float(is_error), 1.0, is_error),
        *seen.ask(Asked(young.events[-1], young.people[-1])),
    )
    return findings.news(event, young, gates)


def is_awaited(event: ErrorSeen, young: Young, project: Project) -> bool:
    """Return whether it may be told for the incident of its release, though it does not stand out by itself."""
    if event.release is None or not project.new_errors.is_some(young):
        return False
    return project.incidents.correlator.awaits(event.release, event.environment)


def _of_incident(seen: Seen, young: Young) -> tuple[Gate, ...]:
    """Return the alternative that an open incident of its release takes it in; none where there is no such incident.

    None in quiet hours: what waits for their end would find the incident gone, and open one.
    """
    event, project, clock = seen.event, seen.project, seen.clock
    if not is_awaited(event, young, project) or project.gates.quiet_until(clock):
        return ()
    asked = signal(seen, findings.news(event, young, ()), urgent=False)
    odds = project.incidents.correlator.odds(asked, clock, project.config)
    if odds is None:
        return ()
    return (Gate("times likelier by its release's incident than by chance", odds.found, odds.least, odds.passed),)


def signal(seen: Seen, decision: Decision, urgent: bool) -> Signal:
    """Return what the correlator is told of a decision."""
    event, known = seen.event, seen.known
    return Signal(
        fingerprint=Fingerprint(seen.fingerprint),
        event=event,
        decision=decision,
        first_seen=known.first_seen,
        first_release=known.first_release,
        released_at=seen.project.releases.arrived(event.release, event.environment),
        urgent=urgent,
    )


def _span(found: StandsOut) -> str:
    over = ", which is over" if found.is_over else ""
    return {15: "15 min", 60: "hour", 1_440: "day"}[found.minutes] + over


# --------------------------------------------------------------------------------------------------- spike
def spike(seen: Seen) -> tuple[Decision, Finding] | None:
    """Say whether a window holds more than chance explains; None = surely not.

    What costs nothing is asked first: in a burst that a gate holds back, every event comes this far.
    """
    scan, project, config = seen.known.scan, seen.project, seen.project.config
    age = seen.event.occurred_at - seen.known.first_seen
    if scan is None or age < config.novelty_minutes * MINUTE_MS or project.gates.is_muted(seen.fingerprint, seen.clock):
        return None
    found = scan.judge(score_opens(project), project.rates, config)
    return None if found is None else (_spike(seen, found), found)


def windows(seen: Seen) -> list[Decision]:
    """Return what every window shows, fired or not, strongest first."""
    scan, project = seen.known.scan, seen.project
    if scan is None:
        return []
    threshold = scan.threshold(score_opens(project), project.config)
    shown = scan.look(threshold, project.rates, project.config)
    order = sorted(range(len(shown)), key=lambda i: (-shown[i].score, i))
    return [_spike(seen, shown[i]) for i in order]


def _spike(seen: Seen, found: Finding) -> Decision:
    config, event = seen.project.config, seen.event
    age = (event.occurred_at - seen.known.first_seen) / MINUTE_MS
    people = seen.known.people.estimate(event.occurred_at // MINUTE_MS) if seen.known.people is not None else None
    per_hour = found.observed * 60 / max(60, found.window_minutes)
    gates = (
        Gate("score", found.score, found.threshold, found.score >= found.threshold),
        Gate("events", found.observed, config.least_events, found.observed >= config.least_events),
        Gate("recurring peak", found.observed, round(found.veto_limit, 6), found.observed > found.veto_limit),
        Gate("minutes known", round(age, 6), config.novelty_minutes, age >= config.novelty_minutes),
        *_traffic(found),
        *seen.ask(Asked(found.observed, people, found.score, per_hour)),
    )
    return findings.spike(event, found, gates)


def _traffic(found: Finding) -> tuple[Gate, ...]:
    """Return what sessions made of the expectation; it holds nothing back by itself."""
    exposure = round(found.exposure, 6)
    return () if exposure == 1.0 else (Gate("times the usual traffic", exposure, exposure, passed=True),)


def score_opens(project: Project) -> float:
    """Return the score at which a spike opens in the project."""
    return clamped(LIMITS, "score_opens", project.gates.rules.get("sensitivity", project.config.score_opens))


# ---------------------------------------------------------------------------------------------------- ramp
def ramp(seen: Seen, look: bool = False) -> Decision | None:
    """Say whether the error has grown over days beyond what it was before it grew."""
    ramping = seen.known.ramp
    if ramping is None:
        return None
    if look:
        found: RampFinding | None = ramping.look(seen.project.config)
    else:
        muted = seen.project.gates.has_mute(seen.fingerprint, seen.clock)
        found = ramping.judge(seen.project.config, muted)
    if found is None:
        return None
    per_hour = found.observed / max(1, found.days) / 24
    gates = (*found.gates, *seen.ask(Asked(found.observed, None, found.score, per_hour)))
    return findings.ramp(seen.event, found, gates)


# ---------------------------------------------------------------------------------------------- regression
def back(seen: Seen, look: bool = False) -> tuple[Decision, str] | None:
    """Say whether a resolved error is back, and in which environment's resolution; count the event there."""
    event, resolutions = seen.event, seen.project.resolutions
    found = resolutions.find(seen.fingerprint, event.environment)
    if found is None:
        return None
    where, resolution = found
    judged = regression.judge(event, resolution, seen.known, seen.project.releases)
    if not look:
        regression.count(event, resolution, judged)
        if judged.verdict != "back":
            return None
    returned = judged.verdict == "back"
    gates = (
        Gate(regression.REASONS[judged.verdict], judged.observed, judged.limit, returned),
        Gate("events of older clients since", resolution.residue, resolution.residue, passed=True),
        *seen.ask(Asked(resolution.back, users.estimate(resolution.users))),
    )
    return findings.back(event, gates), where
