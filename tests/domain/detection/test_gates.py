"""Gates: what a person sets for a project holds findings back, and nothing is lost by it."""

from premortem.domain.detection import Detector
from premortem.domain.project_stream import tick
from premortem.domain.timeline import IncidentDetected, IncidentFact, encode
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, SECOND, A, B, error, errors, history, mute, rule, run

MIDNIGHT = NOW - NOW % DAY


def fired(records: list[object]) -> list[str]:
    return [fact.fingerprint for fact in run(records) if isinstance(fact, IncidentDetected)]  # type: ignore[arg-type]


def burst(count: int = 60, start: int = NOW, **changes: object) -> list[object]:
    return [*errors(count, start, 2 * SECOND, first=5_000, **changes)]


def test_a_mute_with_a_tripwire_breaks_when_the_error_comes_much_oftener_than_when_it_was_muted() -> None:
    muted = mute(NOW - MINUTE, NOW + DAY, tripwire=20)
    assert fired([*history(), muted, *burst()]) == [A]
    assert fired([*history(), mute(NOW - MINUTE, NOW + DAY, tripwire=5_000), *burst()]) == []
    assert fired([*history(), mute(NOW - MINUTE, NOW + DAY), *burst()]) == []


def test_a_tripwire_says_what_it_compared() -> None:
    (fact, *_) = run([*history(), mute(NOW - MINUTE, NOW + DAY, tripwire=20), *burst()])  # type: ignore[list-item]
    assert isinstance(fact, IncidentDetected)
    gates = {gate.name: gate for gate in fact.decision.gates}
    assert gates["times the rate when muted"].observed >= gates["times the rate when muted"].limit == 20
    assert gates["muted until"].passed


def test_quiet_hours_hold_an_incident_back_until_they_are_over_and_lose_none() -> None:
    night = [rule(MIDNIGHT - 3 * DAY, "quiet_from", 22 * 60), rule(MIDNIGHT - 3 * DAY, "quiet_until", 6 * 60)]
    at = MIDNIGHT + 2 * HOUR
    new = error(1, at, handled=False)
    assert fired([*night, new]) == []
    assert fired([*night, new, tick(MIDNIGHT + 6 * HOUR - 1)]) == []
    (fact,) = run([*night, new, tick(MIDNIGHT + 6 * HOUR)])
    assert isinstance(fact, IncidentDetected)
    assert fact.occurred_at == at
    assert fact.decision.fired
    assert all(gate.passed for gate in fact.decision.gates[3:])
    noon = error(2, MIDNIGHT + 12 * HOUR, handled=False, hashes=(B,))
    assert fired([*night, noon]) == [B]


def test_quiet_hours_let_the_worst_pass() -> None:
    night = [rule(MIDNIGHT - 3 * DAY, "quiet_from", 22 * 60), rule(MIDNIGHT - 3 * DAY, "quiet_until", 6 * 60)]
    assert fired([*night, error(1, MIDNIGHT + 2 * HOUR, level="fatal")]) == [A]


def test_a_minimum_of_users_counts_distinct_users_also_of_a_spike() -> None:
    least = rule(NOW - 3 * DAY, "minimum_users", 5)
    assert fired([least, *history(), *burst(user_hash="one")]) == []
    crowd = [error(5_000 + n, NOW + n * 2 * SECOND, user_hash=f"user {n % 12}") for n in range(60)]
    assert fired([least, *history(), *crowd]) == [A]


def test_a_removed_gate_holds_nothing_back() -> None:
    least, removed = rule(NOW - 3 * DAY, "minimum_users", 5), rule(NOW - 2 * DAY, "minimum_users", None)
    assert fired([least, removed, *history(), *burst(user_hash="one")]) == [A]


def test_a_detector_that_stopped_while_a_signal_waits_opens_it_all_the_same() -> None:
    night = [rule(MIDNIGHT - 3 * DAY, "quiet_from", 22 * 60), rule(MIDNIGHT - 3 * DAY, "quiet_until", 6 * 60)]
    records = [
        *night,
        mute(MIDNIGHT, MIDNIGHT + DAY, fingerprint=B, tripwire=3),
        error(1, MIDNIGHT + 2 * HOUR, handled=False),
        error(2, MIDNIGHT + 3 * HOUR, handled=False, hashes=(B,)),
        tick(MIDNIGHT + 6 * HOUR),
    ]
    expected = run(records)
    assert len(expected) == 1
    for cut in range(1, len(records)):
        detector, facts = Detector(), list[IncidentFact]()
        for offset, record in enumerate(records):
            if offset == cut:
                detector = Detector.restore({name: part for name, part in detector.changed().items() if part})
            facts.extend(detector.observe(offset, record))
        facts.extend(detector.finish())
        assert [encode(fact) for fact in facts] == [encode(fact) for fact in expected]
