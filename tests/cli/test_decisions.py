"""How a decision is shown to a person: which alternative let it pass, and which gate held it back."""

from premortem.cli.decisions import decision_lines
from premortem.domain.decision import Decision, Gate
from premortem.domain.detection import detect_all
from premortem.domain.timeline import IncidentDetected
from tests.builders import NOW, error_seen


def gate(name: str, passed: bool, observed: float = 1.0) -> Gate:
    return Gate(name, observed, 2.0, passed)


def decision(*gates: Gate, fired: bool, detector: str = "novelty") -> Decision:
    return Decision(detector, 3, fired=fired, at=NOW, onset=NOW, gates=gates)  # type: ignore[arg-type]


def shown(found: Decision) -> list[str]:
    """Return the lines after the sentence, each without what is lined up."""
    return [" ".join(line.split()) for line in decision_lines(found)][1:]


LEVEL = gate("an error or worse", passed=True)


def test_of_alternatives_the_one_that_passed_is_seen_and_the_others_held_nothing_back() -> None:
    found = decision(gate("unhandled or fatal", False), gate("events", True), gate("users", False), LEVEL, fired=True)
    assert shown(found) == [
        "one of these is enough",
        "unhandled or fatal 1 against 2: not passed",
        "events 1 against 2: passed",
        "users 1 against 2: not passed",
        "an error or worse 1 against 2: passed",
    ]
    (sentence, *_) = decision_lines(found)
    assert sentence.endswith("never sent before: 1 events")


def test_alternatives_of_which_one_passed_are_not_to_blame_for_what_another_gate_held_back() -> None:
    found = decision(
        gate("unhandled or fatal", False), gate("events", True), LEVEL, gate("muted until", False), fired=False
    )
    assert [line for line in shown(found) if "HELD" in line] == ["muted until 1 against 2: HELD IT BACK"]
    (sentence, *_) = decision_lines(found)
    assert sentence.endswith("; held back: muted until 1 against 2")


def test_where_no_alternative_passed_they_held_it_back_together() -> None:
    found = decision(gate("unhandled or fatal", False), gate("users", False), LEVEL, fired=False)
    assert shown(found)[0] == "one of these is enough, and none passed: HELD IT BACK"
    assert sum("HELD IT BACK" in line for line in shown(found)) == 1
    (sentence, *_) = decision_lines(found)
    assert sentence.endswith("held back: none of (unhandled or fatal 1 against 2; users 1 against 2)")


def test_of_a_spike_each_gate_must_pass() -> None:
    gates = gate("score", True), gate("events", False)
    found = Decision("spike", 3, fired=False, at=NOW, onset=NOW, gates=gates, window_minutes=5, observed=2,
                     expected=1.0, score=6.0, threshold=5.0)  # fmt: skip
    assert shown(found) == ["score 1 against 2: passed", "events 1 against 2: HELD IT BACK"]


def test_the_detectors_own_news_says_what_let_it_open_and_blames_nothing() -> None:
    (fact,) = detect_all([(0, error_seen(1, handled=False))])
    assert isinstance(fact, IncidentDetected)
    lines = shown(fact.decision)
    assert lines[:2] == ["one of these is enough", "unhandled or fatal 1 against 1: passed"]
    assert not any("HELD" in line for line in lines)


def test_numbers_keep_their_digits_and_columns_line_up() -> None:
    found = decision(gate("events", True, 1_234_567), LEVEL, gate("muted until", False, NOW + 0.25), fired=False)
    lines = list(decision_lines(found))[2:]
    assert "1234567 against 2" in lines[0]
    assert f"{NOW}.25 against 2" in lines[2]
    assert {line.index(" against 2") - len(line.split(" against 2")[0].split()[-1]) for line in lines} == {45}
