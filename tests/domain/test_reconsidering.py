"""A question asked again is the one that was asked then, and its answer stands beside the old one."""

from typing import Any

import pytest
from msgspec.structs import replace

from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.rca import RootCauses
from premortem.domain.comparing_answers import compare, totals
from premortem.domain.evidence import CausalStep, Citation, Hypothesis, Made
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.reconsidering import (
    answer_of,
    context_of,
    known_then,
    reconsiderations,
    reconsidered,
    work_again,
)
from premortem.domain.routing import NOTHING, react
from premortem.domain.tasks import ProposeRootCause
from premortem.domain.telling import tell
from premortem.domain.timeline import Changed, HumanResponded, IncidentFact, RootCauseProposed
from premortem.domain.work import Work
from tests.agents import stored
from tests.agents.stored import BAD, ONSET, OTHER, blame, code, commit, commits, event
from tests.builders import NOW, detected
from tests.workers.bench import about

EVIDENCE = (event(), code(), blame((7, BAD)), commits(commit(BAD, "shop/cart.py")), ONSET)
CONTEXT = stored.context(*EVIDENCE)
CHANGED = Changed(model="small", budget_tokens=100)


def answered(work: Work[ProposeRootCause], seconds: float = 0.25) -> RootCauseProposed:
    ticks = iter((0.0, seconds))
    handler = RootCauses(None, stored.nothing_known, SilentTracer(), seconds=lambda: next(ticks))
    (fact,) = handler(work).facts
    assert isinstance(fact, RootCauseProposed)
    return fact


WORK = stored.asked(ProposeRootCause, CONTEXT)
OLD = answered(WORK)
LATER: Any = about(HumanResponded, id=FactId("later"), by="ann", text="no", action="reject_cause", occurred_at=NOW + 9)
FACTS: tuple[IncidentFact, ...] = (detected(), CONTEXT, OLD, LATER)


def test_work_is_asked_for_again_as_it_was_then_with_nothing_that_was_learned_later() -> None:
    again = work_again(FACTS, OLD)
    assert again is not None
    assert (again.task.id, again.task.at, again.task.caused_by) == (WORK.task.id, WORK.task.at, CONTEXT.id)
    assert again.incident == WORK.incident
    assert list(again.facts) == [detected(), CONTEXT]
    assert answered(again) == OLD


def test_the_context_is_the_one_that_was_answered_and_not_the_newest() -> None:
    newer = stored.context(ONSET, name="newer")
    assert context_of((detected(), CONTEXT, newer, OLD), OLD) == CONTEXT
    assert context_of((detected(), newer, OLD), OLD) is None
    assert work_again((detected(), newer, OLD), OLD) is None


def test_the_newest_cause_is_asked_for_again_or_the_one_that_is_named() -> None:
    other = replace(OLD, id=FactId("other"))
    assert answer_of((*FACTS, other)) == other
    assert answer_of((*FACTS, other), OLD.id) == OLD
    assert answer_of((*FACTS, other), "absent") is None
    assert answer_of((detected(),)) is None


def test_the_same_answer_to_the_same_question_is_one_fact_whatever_it_took_and_whenever() -> None:
    slower = answered(WORK, seconds=9.0)
    one, two = reconsidered(OLD, OLD, CHANGED, NOW), reconsidered(OLD, slower, CHANGED, NOW + 5)
    assert one.id == two.id
    others = (
        reconsidered(OLD, replace(OLD, summary="another"), CHANGED, NOW),
        reconsidered(OLD, OLD, replace(CHANGED, model="large"), NOW),
        reconsidered(OLD, OLD, replace(CHANGED, prompt_hash="ab"), NOW),
        reconsidered(OLD, OLD, replace(CHANGED, budget_tokens=7), NOW),
        reconsidered(replace(OLD, id=FactId("other")), OLD, CHANGED, NOW),
    )
    assert len({one.id, *(each.id for each in others)}) == 6


def test_it_moves_nothing_sets_nothing_in_motion_and_never_becomes_the_cause() -> None:
    fact = reconsidered(OLD, replace(OLD, summary="It was the bank.", confidence=0.1), CHANGED, NOW + 9_000)
    before, after = fold(FACTS), fold((*FACTS, fact))
    assert before is not None
    assert after is not None
    assert after == replace(before, facts=(*before.facts, fact.id), updated_at=fact.occurred_at)
    assert react(after, fact) == NOTHING
    assert list(reconsiderations((*FACTS, fact), OLD)) == [fact]
    assert tell(fact).startswith("asked again beside what stands: probable, confidence 0.10: It was the bank.")


def test_what_was_known_of_others_then_is_asked_again_as_it_was_frozen() -> None:
    old = replace(OLD, observed_right=7, observed_cases=11, benchmark_cases=5)
    found = known_then(old)
    assert [cause.said for cause in found] == ["right"] * 2 + ["wrong"] * 4
    assert {(cause.decided_by, cause.reason) for cause in found} == {(old.decided_by, old.cap_reason)}
    assert known_then(OLD) == ()


# ----------------------------------------------------------------------------------------------------- differences
CITED, GONE, INVENTED = (
    Citation(ONSET.id, "earliest"),
    Citation(EVIDENCE[3].id, BAD),
    Citation(ONSET.id, "nowhere in it"),
)


def said(**values: Any) -> RootCauseProposed:
    known: dict[str, Any] = {"raw_verdict": "probable", "raw_suspect": BAD, "dropped": ()}
    return replace(OLD, **(known | values))


def guess(mechanism: str, *cited: Citation) -> Hypothesis:
    return Hypothesis(id="H", mechanism=mechanism, state="open", supports=cited)


def test_a_difference_says_what_is_kept_new_and_gone() -> None:
    old = said(hypotheses=(guess("cart", CITED, GONE), guess("bank", CITED)), chain=())
    step = CausalStep(at=NOW, what="w", citation=CITED)
    new = said(hypotheses=(guess("cart", INVENTED), guess("moon")), chain=(step,))
    found = compare(old, new, EVIDENCE)
    assert (found.hypotheses.kept, found.hypotheses.new, found.hypotheses.gone) == (("cart",), ("moon",), ("bank",))
    assert found.citations.kept == (f"{ONSET.id}: earliest",)
    assert found.citations.new == found.unresolved == (f"{ONSET.id}: nowhere in it",)
    assert found.citations.gone == (f"{GONE.evidence_id}: {BAD}",)


def test_analysts_are_compared_by_what_each_says_itself_and_not_by_what_counts() -> None:
    found = compare(said(), said(raw_verdict="inconclusive", raw_suspect=OTHER), EVIDENCE)
    assert found.new.verdict == "probable"
    assert (found.same_verdict, found.same_suspect) == (False, False)
    assert compare(replace(OLD, raw_verdict="", raw_suspect=""), said(), EVIDENCE).same_suspect


def test_a_model_that_gave_no_answer_is_told_by_why() -> None:
    found = compare(said(), said(dropped=("one", "the model gave no answer: it refused")), EVIDENCE)
    assert found.no_answer == "it refused"
    assert compare(said(), said(), EVIDENCE).no_answer == ""


def took(milliseconds: int, cost: int = 0, **values: Any) -> RootCauseProposed:
    made = Made(by="model", agent="rca", agent_version=1, model="small", input_tokens=10, output_tokens=5,
                cost_microdollars=cost, duration_ms=milliseconds)  # fmt: skip
    return said(made=made, **values)


@pytest.mark.parametrize(("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (20, 10, 19), (100, 50, 95)])
def test_latencies_are_those_that_so_many_took_at_most(count: int, p50: int, p95: int) -> None:
    compared = {str(n): compare(said(), took(n + 1), EVIDENCE) for n in range(count)}
    sums = totals(compared, [])
    assert (sums.p50_ms, sums.p95_ms) == (p50, p95)


def test_many_answers_are_summed_and_set_beside_what_proved_right() -> None:
    pairs = {
        "a": compare(took(1, 5), took(1, 7), EVIDENCE),
        "b": compare(took(1, 5), took(1, 7, raw_suspect=OTHER, raw_verdict="inconclusive"), EVIDENCE),
        "c": compare(took(1), took(1, dropped=("the model gave no answer: x",)), EVIDENCE),
    }
    sums = totals(pairs, ["a", "b"])
    assert (sums.incidents, sums.no_answer, sums.same_verdict, sums.same_suspect) == (3, 1, 2, 2)
    assert (sums.proved_right, sums.suspect_of_right) == (2, 1)
    assert (sums.tokens, sums.cost_microdollars, sums.old_cost_microdollars) == (45, 14, 10)
    assert totals({}, []).p95_ms == 0
