"""Sessions beside errors: a surge of traffic is no outage, and an outage in a quiet hour is one."""

from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.timeline import IncidentDetected
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, A, error, run, sessions

START = NOW - NOW % DAY + 10 * HOUR
_DAYS = 4


def week(sessions_a_minute: int, errors_an_hour: int, until: int) -> list[ProjectRecord]:
    """Return steady traffic with steady errors, all of it told in time."""
    records: list[ProjectRecord] = []
    for minute in range(_DAYS * 1_440):
        at = until - (_DAYS * 1_440 - minute) * MINUTE
        records.append(sessions(at, sessions_a_minute))
        if minute % (60 // errors_an_hour) == 0:
            records.append(error(minute, at + 1))
    return records


def hour(at: int, sessions_a_minute: int, errors_a_minute: int) -> list[ProjectRecord]:
    records: list[ProjectRecord] = []
    for minute in range(60):
        now = at + minute * MINUTE
        records.append(sessions(now, sessions_a_minute))
        records += [error(100_000 + minute * 100 + n, now + n) for n in range(errors_a_minute)]
    return records


def fires(records: list[ProjectRecord]) -> bool:
    """Say whether a spike opens an incident after the steady days."""
    return any(
        isinstance(fact, IncidentDetected) and fact.decision.detector == "spike" and fact.occurred_at >= START
        for fact in run(records)
    )


def without_sessions(records: list[ProjectRecord]) -> list[ProjectRecord]:
    return [record for record in records if isinstance(record, ErrorSeen)]


def test_five_times_the_sessions_with_five_times_the_errors_is_no_outage() -> None:
    surge = [*week(100, 30, START), *hour(START, 500, 0)[:12], *hour(START + 12 * MINUTE, 500, 2)]
    assert not fires(surge)
    assert fires(without_sessions(surge))


def test_five_times_the_errors_with_the_usual_sessions_is_an_outage() -> None:
    outage = [*week(100, 30, START), *hour(START, 100, 3)]
    assert fires(outage)


def test_the_usual_errors_with_a_tenth_of_the_sessions_are_an_outage() -> None:
    steady = week(100, 60, START)
    quiet = [*steady, *hour(START, 10, 2)]
    assert fires(quiet)
    assert not fires(without_sessions(quiet))


def test_the_numbers_say_how_many_times_the_usual_traffic_there_was() -> None:
    facts = run([*week(100, 60, START), *hour(START, 10, 2)])
    (fact,) = [f for f in facts if isinstance(f, IncidentDetected) and f.decision.detector == "spike"][:1]
    gates = {gate.name: gate for gate in fact.decision.gates}
    assert 0.2 < gates["times the usual traffic"].observed < 0.5
    assert fact.fingerprint == A
