"""What became of a proposed cause: persons first, then what its merged fix was measured to do."""

from typing import Any

import pytest

from premortem.domain.evidence import Made, SuspectChange
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.outcomes import ProposedCause, decider, outcome
from premortem.domain.timeline import (
    Baseline,
    EvaluationCompleted,
    FixApplied,
    FixProposed,
    HumanResponded,
    IncidentFact,
    PullRequestOpened,
    RootCauseProposed,
)
from tests.builders import detected
from tests.workers.bench import about

_NAMES = iter(range(10_000))


def say(kind: Any, **said: Any) -> Any:
    return about(kind, **{"id": FactId(f"fact {next(_NAMES)}"), **said})


def cause(name: str = "cause", **said: Any) -> Any:
    known = {"verdict": "probable", "summary": "s", "confidence": 0.9, "agent": "rules", "cap_reason": "why"}
    return say(RootCauseProposed, **{"id": FactId(name), **known, **said})


def fix(number: int = 7, form: str = "revert") -> tuple[IncidentFact, ...]:
    return (
        say(FixProposed, summary="s", patch="p", form=form),
        say(PullRequestOpened, repository="acme/shop", number=number, url=f"u{number}", branch="b"),
    )


def merged(number: int = 7) -> IncidentFact:
    return say(FixApplied, repository="acme/shop", number=number, commit="c0ffee")  # type: ignore[no-any-return]


def measured(verdict: str) -> IncidentFact:
    return say(EvaluationCompleted, verdict=verdict, summary="s")  # type: ignore[no-any-return]


def answered(action: str) -> IncidentFact:
    return say(HumanResponded, by="ann", text="t", action=action)  # type: ignore[no-any-return]


def causes(*facts: IncidentFact) -> tuple[ProposedCause, ...]:
    incident = fold((detected(), *facts))
    assert incident is not None
    return incident.causes


def outcomes(*facts: IncidentFact) -> list[str]:
    return [outcome(each) for each in causes(*facts)]


@pytest.mark.parametrize(
    ("verdict", "known"),
    [("effective", "right"), ("ineffective", "wrong"), ("harmful", "wrong"), ("inconclusive", "")],
)
def test_a_merged_fix_tells_of_its_cause_what_it_was_measured_to_do(verdict: str, known: str) -> None:
    assert outcomes(cause(), *fix(), merged(), measured(verdict)) == [known]


def test_a_later_measurement_counts_and_one_that_tells_nothing_changes_nothing() -> None:
    story = (cause(), *fix(), merged(), measured("ineffective"))
    assert outcomes(*story, measured("effective")) == ["right"]
    assert outcomes(*story, measured("inconclusive")) == ["wrong"]


def test_a_fix_that_nobody_merged_and_one_that_only_mitigates_tell_nothing() -> None:
    assert outcomes(cause(), *fix(), measured("effective")) == [""]
    assert outcomes(cause(), *fix(form="mitigation"), merged(), measured("effective")) == [""]


@pytest.mark.parametrize(
    ("action", "known"),
    [("confirm_cause", "right"), ("reject_cause", "wrong"), ("correct_cause", "wrong"), ("reject_fix", ""),
     ("note", ""), ("acknowledge", ""), ("resolve", ""), ("suppress", "")],
)  # fmt: skip
def test_of_what_persons_say_only_words_about_the_cause_count(action: str, known: str) -> None:
    assert outcomes(cause(), answered(action)) == [known]


def test_a_persons_newest_word_counts_before_any_measurement() -> None:
    story = (cause(), *fix(), merged(), measured("effective"))
    assert outcomes(*story, answered("reject_cause")) == ["wrong"]
    assert outcomes(*story, answered("reject_cause"), answered("confirm_cause")) == ["right"]
    assert outcomes(cause(), answered("confirm_cause"), *fix(), merged(), measured("ineffective")) == ["right"]


def test_each_cause_of_an_incident_has_its_own_outcome() -> None:
    first = (cause("one"), *fix(1), merged(1), measured("ineffective"))
    assert outcomes(*first, cause("two"), *fix(2), merged(2), measured("effective")) == ["wrong", "right"]
    assert outcomes(cause("one"), *fix(1), cause("two"), merged(1), measured("effective")) == ["right", ""]
    assert outcomes(cause("one"), cause("two"), answered("confirm_cause")) == ["", "right"]


@pytest.mark.parametrize("verdict", ["inconclusive", "not_an_incident"])
def test_what_claims_no_cause_cannot_be_right_or_wrong_nor_takes_the_one_before_it_along(verdict: str) -> None:
    assert outcomes(cause("one"), cause("two", verdict=verdict), answered("reject_cause")) == ["", ""]


def test_what_is_said_before_any_cause_is_no_outcome() -> None:
    assert outcomes(answered("reject_cause"), measured("effective")) == []


def test_a_cause_is_counted_by_its_claim_and_the_reason_of_its_cap() -> None:
    (found,) = causes(cause(claimed=0.9, confidence=0.4, decided_by="rules 1"))
    assert (found.claimed, found.reason, found.decided_by) == (0.9, "why", "rules 1")
    (old,) = causes(cause(confidence=0.7))
    assert (old.claimed, old.decided_by) == (0.7, "rules")


def test_a_model_answers_for_what_it_chose_and_the_rules_for_what_it_only_told() -> None:
    made = Made(by="model", agent="rca", agent_version=1, model="small")
    beside = Baseline(agent="rules", verdict="probable", summary="s", confidence=0.9, suspect_commit="a")
    suspect = SuspectChange(repository="r", commit="a", committed_at=1, subject="s", paths=(), rule="r")
    told = cause(made=made, baseline=beside, suspect=suspect)
    chosen = cause(made=made, baseline=beside, suspect=SuspectChange(**{**_fields(suspect), "commit": "b"}))
    assert (decider(told), decider(chosen)) == ("rules 1", "rca 1 by small")


def _fields(suspect: SuspectChange) -> dict[str, Any]:
    return {name: getattr(suspect, name) for name in suspect.__struct_fields__}
