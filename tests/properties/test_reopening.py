"""Resolution lint against the detector: what it says could open an incident again does, and nothing else does."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.ids import EventId, FactId, IncidentId
from premortem.domain.incident import Incident, evolve, fold
from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.reopening import HORIZON_MS, Witness, lint
from premortem.domain.routing import react
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentReopened, IncidentResolved
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, A, B, deployed, error, mute, resolved, rule

FAR = 100 * 366 * DAY
RELEASES: Sequence[str | None] = (None, "shop@1", "shop@2", "shop@v999")
PLACES: Sequence[str | None] = (None, "production", "staging")

_errors = st.fixed_dictionaries(
    {
        "hashes": st.sampled_from([(A,), (A,), (B,)]),
        "release": st.sampled_from(RELEASES[:3]),
        "environment": st.sampled_from(PLACES),
        "handled": st.sampled_from([False, False, True]),
        "level": st.sampled_from(["error", "error", "fatal"]),
        "user_hash": st.sampled_from([None, "ann", "bob", "cleo"]),
    }
)
_steering = st.one_of(
    st.tuples(st.just("mute"), st.sampled_from([2 * HOUR, 3 * DAY, FAR]), st.sampled_from([None, 2.0])),
    st.tuples(st.just("minimum_events"), st.integers(0, 4), st.none()),
    st.tuples(st.just("minimum_users"), st.sampled_from([0, 1, 2, 3, 9_999]), st.none()),
    st.tuples(st.just("quiet"), st.integers(0, 1_439), st.integers(0, 1_439)),
    st.tuples(st.just("deployed"), st.sampled_from(RELEASES[1:]), st.sampled_from([-DAY, 5 * DAY])),
    st.tuples(st.just("resolved"), st.sampled_from(RELEASES), st.sampled_from(PLACES)),
)
_history = st.lists(st.one_of(_errors, _steering), max_size=7)
_later = st.lists(st.tuples(st.integers(1, 40 * DAY), _errors), min_size=1, max_size=8)


def records(history: Sequence[Any]) -> Iterator[ProjectRecord]:
    """Yield an unhandled error of shop@1, then the history, a record an hour."""
    yield error(0, NOW, handled=False, release="shop@1")
    for n, each in enumerate(history, 1):
        at = NOW + n * HOUR
        match each:
            case dict():
                yield error(n, at, **each)
            case ("mute", until, tripwire):
                yield mute(at, at + until, tripwire=tripwire)
            case ("quiet", start, end):
                yield rule(at, "quiet_from", start)
                yield rule(at, "quiet_until", end)
            case ("deployed", release, when):
                yield replace(deployed(at, release), deployed_at=at + when)
            case ("resolved", release, environment):
                yield resolved(at, release=release, environment=environment)
            case (name, value, _):
                yield rule(at, name, value)


def observed(detector: Detector, told: Sequence[ProjectRecord], first: int) -> list[IncidentFact]:
    return [fact for n, record in enumerate(told, first) for fact in detector.observe(n, record)]


def spelled(witness: Witness) -> Iterator[ErrorSeen]:
    """Yield the witness's events, each with an id of its own, from as many users."""
    for n in range(witness.events):
        user = f"user {n % witness.users}"
        yield replace(witness.event, event_id=EventId(f"{10_000 + n:032x}"), user_hash=user)


def resolution(incident: Incident, at: int, release: str | None) -> IncidentResolved:
    return IncidentResolved(
        id=FactId("resolved"),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        occurred_at=at,
        reason="by_person",
        release=release,
    )


@settings(max_examples=80, deadline=None)
@given(_history, st.sampled_from(RELEASES), st.booleans(), _later)
def test_what_the_lint_names_opens_the_incident_again_and_where_it_names_nothing_no_event_does(
    history: Sequence[Any], release: str | None, anew: bool, later: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    detector, past = Detector(lateness_ms=0), list(records(history))
    facts = observed(detector, past, 0)
    state = {name: part for name, part in detector.changed().items() if part is not None}
    opened = [IncidentId(fact.incident_id) for fact in facts if isinstance(fact, IncidentDetected)]
    at = past[-1].received_at + HOUR
    for mine in opened:
        incident = fold(fact for fact in facts if fact.incident_id == mine)
        assert incident is not None
        fact = resolution(incident, at, release)
        after = evolve(incident, fact)
        assert after is not None
        written = react(after, fact).records if anew else ()
        answer = lint(
            *(incident, Detector.restore(state).project(1), at, fact)
            if anew
            else (after, Detector.restore(state).project(1), at)
        )
        told = Detector.restore(state, lateness_ms=0)
        observed(told, written, len(past))
        if answer.verdict == "never":
            future = [
                error(n, at + wait, **each) for n, (wait, each) in enumerate(sorted(later, key=lambda e: e[0]), 500)
            ]
            assert answer.reasons
            assert answer.witness is None
        else:
            assert answer.witness is not None
            assert bool(answer.reasons) == (answer.verdict == "narrow")
            if answer.witness.after_outburst:
                continue
            assert at < answer.witness.event.received_at <= at + HORIZON_MS + DAY
            future = list(spelled(answer.witness))
        found = observed(told, future, len(past) + len(written))
        reopened = [fact for fact in found if isinstance(fact, IncidentReopened) and fact.incident_id == mine]
        assert bool(reopened) == (answer.verdict != "never"), answer
