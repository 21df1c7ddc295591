"""A decision explains itself: what was seen, what was expected, and each gate that held it back, with its numbers."""

from collections.abc import Callable

import pytest

from premortem.domain.decision import LEVEL_GATE, Decision, DetectorName, Gate, alternatives, explain, needed
from premortem.domain.detection import detect_all
from premortem.domain.timeline import IncidentDetected
from tests.builders import NOW, error_seen

HELD = (
    Gate("hours old", 30.25, 24.0, passed=False),
    Gate("muted until", float(NOW + 3_600_000), float(NOW), passed=False),
    Gate("minimum events", 3.0, 10.0, passed=False),
    Gate("minimum users", 0.000001, 2.0, passed=False),
    Gate("score", 99.0, 1.0, passed=True),
)


def novelty(*gates: Gate, fired: bool = True) -> Decision:
    return Decision("novelty", 1, fired=fired, at=NOW, onset=NOW, gates=gates)


def spike(*gates: Gate, fired: bool = True) -> Decision:
    return Decision(
        "spike",
        1,
        fired=fired,
        at=NOW,
        onset=NOW,
        gates=gates,
        window_minutes=5,
        observed=120,
        expected=3.14159,
        dispersion=1.5,
        score=17.26,
        threshold=8.0,
    )


def test_novelty_names_the_reasons_that_let_it_open_with_their_numbers() -> None:
    reasons = (
        Gate("unhandled or fatal", 0.0, 1.0, passed=False),
        Gate("users", 12.0, 5.0, passed=True),
        Gate("events", 1234567.0, 10.0, passed=True),
    )
    assert explain(novelty(*reasons)) == ("an error that this project has never sent before: 12 users, 1234567 events")


def test_a_spike_says_what_was_seen_what_was_expected_and_by_how_much_it_is_too_many() -> None:
    assert explain(spike(Gate("score", 17.26, 8.0, passed=True))) == (
        "120 events in 5 min where 3.14 were expected (score 17.3, threshold 8.0)"
    )


@pytest.mark.parametrize("gate", HELD[:4], ids=lambda gate: gate.name)
@pytest.mark.parametrize("make", [novelty, spike])
def test_a_gate_that_held_it_back_is_named_with_both_numbers(make: Callable[..., Decision], gate: Gate) -> None:
    shown = {
        "hours old": "hours old 30.25 against 24",
        "muted until": f"muted until {NOW + 3_600_000} against {NOW}",
        "minimum events": "minimum events 3 against 10",
        "minimum users": "minimum users 1e-06 against 2",
    }
    assert explain(make(gate, HELD[4], fired=False)).endswith("; held back: " + shown[gate.name])


@pytest.mark.parametrize("detector", ["novelty", "environment", "release"])
def test_of_news_one_alternative_is_enough_and_each_other_gate_must_pass(detector: DetectorName) -> None:
    def told(first: bool, second: bool, level: bool) -> Decision:
        gates = (*(Gate("a", 0.0, 1.0, p) for p in (first, second)), Gate(LEVEL_GATE, 0.0, 1.0, level), HELD[4])
        return Decision(detector, 3, fired=False, at=NOW, onset=NOW, gates=gates)

    assert [gate.name for gate in alternatives(told(True, False, True))] == ["a", "a"]
    assert [gate.name for gate in needed(told(True, False, True))] == [LEVEL_GATE, "score"]
    assert "held back" not in explain(told(True, False, True))
    assert explain(told(False, True, False)).endswith(f"held back: {LEVEL_GATE} 0 against 1")
    assert explain(told(False, False, True)).endswith("held back: none of (a 0 against 1; a 0 against 1)")


def test_of_counts_no_gate_is_an_alternative() -> None:
    found = spike(*HELD, Gate(LEVEL_GATE, 1.0, 1.0, passed=True))
    assert (alternatives(found), needed(found)) == ((), found.gates)


def test_all_gates_that_held_it_back_are_named_in_their_order_and_no_other() -> None:
    said = explain(spike(*HELD, fired=False)).partition("; held back: ")[2]
    assert [part.split(" against ")[0].rpartition(" ")[0] for part in said.split(", ")] == [g.name for g in HELD[:4]]


def test_a_decision_that_fired_was_held_back_by_nothing() -> None:
    assert "held back" not in explain(spike(*HELD))
    assert "held back" not in explain(novelty(*HELD))


def test_the_detectors_own_decision_explains_itself() -> None:
    (fact,) = detect_all([(0, error_seen(1, handled=False))])
    assert isinstance(fact, IncidentDetected)
    assert explain(fact.decision).startswith("an error that this project has never sent before: unhandled or fatal")
