"""What `premortem incidents show` says of the work on an incident, line by line."""

from typing import Any

from msgspec.structs import replace

from premortem.cli.incident_work import timeline, work
from premortem.domain.evidence import (
    CausalStep,
    Check,
    Citation,
    CodeLocation,
    Gap,
    Hypothesis,
    Made,
    SuspectChange,
)
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.reconsidering import reconsidered
from premortem.domain.timeline import (
    Changed,
    EvaluationCompleted,
    FixApplied,
    FixProposed,
    IncidentFact,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
)
from tests.agents import stored
from tests.builders import NOW, detected
from tests.workers.bench import about

CITED = Citation(stored.ONSET.id, "41")
MADE = Made(by="rules", agent="rules", agent_version=3, task_id="task-1", attempt=2, trace_id="7race")
GAP = Gap(id="flags", what="which flags were on", why="empty", how="Report them.")
CAUSE: Any = about(
    RootCauseProposed,
    id=FactId("cause"),
    verdict="probable",
    summary="Commit bad0 is it.",
    confidence=0.65,
    raw_confidence=0.75,
    cap=0.65,
    cap_reason="others touch that file",
    agent="rules",
    hypotheses=(
        Hypothesis(id="H1", mechanism="The change did it.", state="leading", supports=(CITED, CITED)),
        Hypothesis(id="H2", mechanism="The bank did it.", state="refuted", contradicts=(CITED,)),
    ),
    chain=(CausalStep(at=NOW, what="It was deployed.", citation=CITED),),
    suspect=SuspectChange(repository="acme/shop", commit=stored.BAD, committed_at=NOW, subject="simplify",
                          paths=("shop/cart.py",), rule="it touched the file that failed"),
    location=CodeLocation(repository="acme/shop", commit=stored.BAD, path="shop/cart.py", line=7, function="total"),
    missing=(GAP,),
    next_action="Revert it.",
    next_action_risk="All of it goes.",
    dropped=("hypothesis 3: nothing supports it",),
    made=MADE,
)  # fmt: skip
CHECKS = (
    Check(name="parses", state="passed"),
    Check(name="tests", state="failed", output="exit code 1 after 9 ms\nAssertionError"),
    Check(name="reproduction", state="not_possible", output="no variables", required=False),
)
FIX: Any = about(FixProposed, id=FactId("fix"), summary="Revert bad0", patch="", form="revert", repository="acme/shop",
                 base_commit=stored.FAR, checks=CHECKS)  # fmt: skip
PULL = about(PullRequestOpened, id=FactId("pull"), repository="acme/shop", number=7, url="https://x/7", branch="b")
MERGE = about(FixApplied, id=FactId("merge"), repository="acme/shop", number=7, commit=stored.OTHER)
VERDICT = about(EvaluationCompleted, id=FactId("verdict"), verdict="inconclusive", summary="Too early.",
                release="shop@3", environment="production", look_again_at=NOW + 60_000)  # fmt: skip


def told(*facts: IncidentFact) -> str:
    incident = fold((detected(), *facts))
    assert incident is not None
    return "\n".join(work(incident, (detected(), *facts)))


def test_nothing_is_said_of_an_incident_that_nobody_worked_on() -> None:
    assert told() == ""


def test_a_cause_says_how_sure_it_is_and_why_no_surer_what_it_rests_on_and_what_to_do() -> None:
    said = told(stored.context(stored.ONSET), CAUSE)
    for expected in (
        "Cause (by rules: rules 3, task task-1, attempt 2, trace 7race)",
        "Commit bad0 is it.",
        "probable, confidence 0.65",
        "0.75 was claimed, 0.65 is the most: others touch that file",
        "bad0bad0bad0 simplify, 2026-11-22",
        "acme/shop: shop/cart.py; it touched the file that failed",
        "shop/cart.py:7 in total, at bad0bad0bad0",
        "Revert it. (All of it goes.)",
        f"H1   leading   The change did it.; for: {stored.ONSET.id}\n",
        f"H2   refuted   The bank did it.; against: {stored.ONSET.id}\n",
        f"It was deployed. [{stored.ONSET.id}]",
        "hypothesis 3: nothing supports it",
        f"{stored.ONSET.id}  onset",
    ):
        assert expected in said


def test_a_cause_says_what_became_of_others_like_it_and_why_no_fix_is_tried() -> None:
    weighed = replace(CAUSE, claimed=0.65, confidence=0.45, decided_by="rules 3", observed_right=5, observed_cases=11,
                      benchmark_cases=5, least_cases=5)  # fmt: skip
    said = told(weighed)
    assert "outcomes     5 of 11 earlier causes like it proved right, 5 of them the benchmark's (rules 3)" in said
    assert "no fix       5 of 11 earlier causes like it proved right, 0.60 of them are needed" in said
    assert "no fix" not in told(replace(weighed, confidence=0.65, observed_right=11))
    assert "outcomes" not in told(CAUSE)


def test_answers_that_were_asked_for_again_stand_under_the_cause_that_they_are_about() -> None:
    made = Made(by="model", agent="rca", agent_version=1, model="small", task_id="task-1")
    answer = replace(CAUSE, summary="It was the bank.", raw_verdict="inconclusive", raw_suspect=stored.OTHER, made=made)
    again = reconsidered(CAUSE, answer, Changed(model="small"), NOW + 9)
    said = told(CAUSE, again)
    assert "asked again  inconclusive, 0.75 claimed, suspects 07e407e407e4 (by small: rca 1, task task-1" in said
    assert "It was the bank." in said
    assert "suspects bad0bad0bad0, the same" in told(CAUSE, reconsidered(CAUSE, CAUSE, Changed(), NOW + 9))
    assert "asked again" not in told(CAUSE, again, replace(CAUSE, id=FactId("newer")))


def test_without_a_suspect_it_is_said_why_there_is_none() -> None:
    assert "none: no change is known" in told(replace(CAUSE, suspect=None, suspect_rule="no change is known"))


def test_what_is_missing_is_said_once_with_how_to_have_it() -> None:
    said = told(stored.context(gaps=(GAP,)), CAUSE)
    assert said.count("which flags were on (empty)") == 1
    assert "Report them." in said


def test_every_check_of_the_newest_patch_is_shown_with_what_it_said_first() -> None:
    older = replace(FIX, id=FactId("older"), summary="Another patch")
    lines = told(older, FIX).splitlines()
    assert "Another patch" not in "".join(lines)
    assert [line.split(None, 1) for line in lines[-3:]] == [
        ["parses", "passed"],
        ["tests", "FAILED: exit code 1 after 9 ms"],
        ["reproduction", "not possible (not required): no variables"],
    ]
    assert "Record total" in told(about(InstrumentationProposed, summary="Record total", patch=""))


def test_pull_requests_and_the_verdict_are_shown_with_their_state() -> None:
    assert "acme/shop#7 (fix): draft, https://x/7" in told(PULL)
    said = told(PULL, MERGE, VERDICT)
    assert f"acme/shop#7 (fix): merged as {stored.OTHER[:12]}, https://x/7" in said
    assert "inconclusive: Too early." in said
    assert "shop@3 in production" in said
    assert "again at 2026-11-22 " in said


def test_the_timeline_is_told_in_sentences() -> None:
    first, last = timeline([detected(), VERDICT])
    assert first.split("  ")[2].startswith("IncidentDetected: KeyError: one: ")
    assert last.endswith("EvaluationCompleted: inconclusive: Too early.")
