"""Calibration: the gate before a fix reads how often causes like it proved right, and stays shut below a minimum."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents import rules
from premortem.agents.rca import RootCauses
from premortem.domain.calibration import (
    BENCHMARK,
    NONE,
    Tally,
    calibrated,
    lent,
    report,
    shut,
    tally,
    weighed,
    wilson,
)
from premortem.domain.claims import CAPS
from premortem.domain.ids import FactId, TenantId
from premortem.domain.incident import Incident, fold
from premortem.domain.outcomes import ProposedCause
from premortem.domain.routing import DEFAULT, react
from premortem.domain.tasks import ProposeRootCause
from premortem.domain.telling import tell
from premortem.domain.timeline import HumanResponded, RootCauseProposed
from premortem.ports import Saved
from tests.agents import stored
from tests.agents.stored import BAD, ONSET, blame, code, commit, commits, event
from tests.builders import NOW, detected
from tests.workers.bench import about

WROTE_LINE, SEVERAL = CAPS[7][0], CAPS[5][0]
EVIDENCE = (event(), code(), blame((7, BAD)), commits(commit(BAD, "shop/cart.py")), ONSET)


def known(outcome: str, count: int, **said: Any) -> list[ProposedCause]:
    values: dict[str, Any] = {"at": NOW, "decided_by": "rules 1", "reason": WROTE_LINE, "claimed": 0.9, "said": outcome}
    return [ProposedCause(id=FactId(f"{outcome} {n}"), **(values | said)) for n in range(count)]


def claimed(**said: Any) -> Any:
    values = {"verdict": "probable", "summary": "s", "confidence": 0.9, "agent": "rules", "cap_reason": WROTE_LINE}
    return about(RootCauseProposed, **(values | said))


def proposed(store: MemoryIncidentStore, name: str) -> tuple[RootCauseProposed, Incident]:
    """Return the cause that the worker proposes for another incident of the same installation, and that incident."""
    opened = detected(name)
    whose = {"incident_id": opened.incident_id, "id": FactId(f"context {name}")}
    context = replace(stored.context(*EVIDENCE), **whose)
    work = stored.asked(ProposeRootCause, context)
    task, incident = replace(work.task, incident_id=opened.incident_id), fold([opened, context])
    assert incident is not None
    handler = RootCauses(None, store.outcomes, SilentTracer(), seconds=lambda: 0.0)
    (fact,) = handler(replace(work, task=task, incident=incident, facts=(opened, context))).facts
    assert isinstance(fact, RootCauseProposed)
    after = fold([fact], incident)
    assert after is not None
    return fact, after


def goes_to(fact: RootCauseProposed, incident: Incident) -> str:
    return type(react(incident, fact).tasks[0]).__name__


def answer(store: MemoryIncidentStore, name: str, action: str) -> tuple[RootCauseProposed, Incident]:
    """Let the worker propose a cause and a person say of it what `action` is; return the cause as it was proposed."""
    fact, incident = proposed(store, name)
    said = about(HumanResponded, id=FactId(f"said {name}"), by="ann", text="t", action=action)
    after = fold([said], incident)
    assert after is not None
    store.save([Saved(after, 0, 1)], [])
    return fact, incident


def test_enough_rejected_causes_shut_the_gate_and_confirmed_ones_open_it_again() -> None:
    store = MemoryIncidentStore()
    went = [goes_to(*answer(store, f"wrong {n}", "reject_cause")) for n in range(6)]
    assert went == ["ProposeFix"] * 4 + ["ProposeInstrumentation"] * 2
    fact, _ = proposed(store, "shut")
    assert (fact.observed_right, fact.observed_cases, fact.benchmark_cases) == (5, 11, 5)
    assert (fact.claimed, fact.confidence) == (0.9, 0.45)
    assert "no fix is tried: 5 of 11 earlier causes like it proved right, 0.60 of them are needed" in tell(fact)
    went = [goes_to(*answer(store, f"right {n}", "confirm_cause")) for n in range(5)]
    assert went == ["ProposeInstrumentation"] * 4 + ["ProposeFix"]


def test_what_another_tenant_rejects_shuts_nobody_elses_gate() -> None:
    store = MemoryIncidentStore()
    for n in range(9):
        _, incident = answer(store, f"wrong {n}", "reject_cause")
        theirs = replace(store.load([incident.id])[incident.id].incident, tenant_id=TenantId("other"))
        store.save([Saved(theirs, 0, 2)], [])
    assert goes_to(*proposed(store, "mine")) == "ProposeFix"


def test_the_log_alone_says_where_a_cause_went_whatever_is_known_later() -> None:
    fact = weighed(claimed(), "rules 1", known("wrong", 20), 5)
    later = weighed(claimed(), "rules 1", known("right", 20), 5)
    incident = fold([detected(), fact])
    assert incident is not None
    assert (goes_to(fact, incident), goes_to(later, incident)) == ("ProposeInstrumentation", "ProposeFix")
    assert goes_to(fact, incident) == "ProposeInstrumentation"


@pytest.mark.parametrize("own", [0, 1, 4])
def test_whoever_has_too_few_outcomes_opens_no_pull_request_however_sure(own: int) -> None:
    fact = weighed(claimed(), "rca 1 by large", known("right", own, decided_by="rca 1 by large"), 5)
    incident = fold([detected(), fact])
    assert incident is not None
    assert goes_to(fact, incident) == "ProposeInstrumentation"
    assert f"the outcome of {own} earlier causes like it is known, 5 are needed (rca 1 by large: " in tell(fact)


def test_with_enough_outcomes_of_its_own_a_model_gets_its_fix() -> None:
    fact = weighed(claimed(), "rca 1 by large", known("right", 5, decided_by="rca 1 by large"), 5)
    assert (shut(fact, DEFAULT.fix_confidence), fact.benchmark_cases) == ("", 0)


def test_the_rules_of_today_begin_with_what_the_benchmark_came_to_and_those_of_another_version_with_nothing() -> None:
    assert {decided_by for decided_by, _ in BENCHMARK} == {f"{rules.AGENT} {rules.VERSION}"}
    assert sum(BENCHMARK.values(), NONE) == Tally(23, 23)
    assert lent("rules 1", WROTE_LINE, 5) == Tally(5, 5)
    assert lent("rules 2", WROTE_LINE, 5) == lent("rules 1", SEVERAL, 5) == NONE


def test_a_kind_that_the_benchmark_does_not_have_waits_for_outcomes_of_its_own() -> None:
    fact = weighed(claimed(cap_reason=SEVERAL), "rules 1", known("right", 4, reason=SEVERAL), 5)
    assert "4 earlier causes" in shut(fact, DEFAULT.fix_confidence)
    assert shut(weighed(claimed(cap_reason=SEVERAL), "rules 1", known("right", 5, reason=SEVERAL), 5), 0.6) == ""


def test_a_minimum_beyond_the_benchmark_is_met_by_the_installations_own_outcomes_alone() -> None:
    assert lent("rules 1", WROTE_LINE, 50) == Tally(6, 6)
    assert shut(weighed(claimed(), "rules 1", known("right", 43), 50), 0.6) != ""
    assert shut(weighed(claimed(), "rules 1", known("right", 44), 50), 0.6) == ""


@pytest.mark.parametrize(("confidence", "tried"), [(0.6, True), (0.59, False)])
def test_a_cause_of_before_outcomes_were_asked_for_is_judged_by_what_it_claims(confidence: float, tried: bool) -> None:
    old = claimed(confidence=confidence)
    assert (shut(old, DEFAULT.fix_confidence) == "") is tried
    assert "no fix is tried" not in tell(old)


def test_a_low_claim_says_that_it_is_low_and_nothing_of_others() -> None:
    fact = weighed(claimed(confidence=0.5), "rules 1", known("right", 9), 5)
    assert shut(fact, DEFAULT.fix_confidence) == "its confidence 0.50 is below 0.60"
    assert "no fix is tried" not in tell(fact)


def test_unknown_outcomes_and_other_kinds_count_for_nothing() -> None:
    others = [*known("", 5), *known("right", 5, reason="another"), *known("wrong", 5, decided_by="rules 2")]
    assert tally([*others, *known("right", 2), *known("wrong", 1)], "rules 1", WROTE_LINE) == Tally(2, 3)


@given(st.floats(0, 1), st.integers(0, 60), st.integers(0, 60), st.integers(1, 60))
def test_outcomes_never_make_anybody_surer(claim: float, right: int, wrong: int, least: int) -> None:
    known_ = Tally(right, right + wrong)
    left = calibrated(claim, known_, least)
    assert left <= claim
    assert left == claim if known_.cases < least else left <= round(right / known_.cases, 2)


# -------------------------------------------------------------------------------------------------------- the report
def test_the_report_sets_what_was_claimed_beside_what_proved_right() -> None:
    causes = [
        *known("right", 3, claimed=0.9),
        *known("wrong", 1, claimed=0.9),
        *known("", 2, claimed=0.72, reason="another"),
        *known("right", 1, claimed=1.0, decided_by="rca 1 by large"),
        *known("right", 1, claims=False),
    ]
    large, ours = report(causes)
    assert (large.decided_by, large.known, large.brier) == ("rca 1 by large", Tally(1, 1), 0.0)
    assert (ours.known, ours.unknown, ours.brier) == (Tally(3, 4), 2, 0.21)  # (3 * 0.01 + 0.81) / 4
    assert [(band.name, band.known, band.claimed, band.unknown) for band in ours.bands] == [
        ("0.7 to 0.8", NONE, 0.0, 2),
        ("0.9 to 1.0", Tally(3, 4), 0.9, 0),
    ]
    assert {band.name: band.known for band in ours.reasons} == {"another": NONE, WROTE_LINE: Tally(3, 4)}
    assert large.bands[0].name == "0.9 to 1.0"
    assert report([]) == ()


@pytest.mark.parametrize(
    ("known_", "interval"),
    [(Tally(0, 0), (0.0, 1.0)), (Tally(0, 10), (0.0, 0.2775)), (Tally(5, 10), (0.2366, 0.7634)),
     (Tally(81, 263), (0.2553, 0.3662))],
)  # fmt: skip
def test_the_interval_is_wilsons(known_: Tally, interval: tuple[float, float]) -> None:
    """The last one is of Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    assert wilson(known_) == pytest.approx(interval, abs=1e-4)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_observed_share_and_narrows_with_cases(right: int, wrong: int) -> None:
    one, many = wilson(Tally(right, right + wrong)), wilson(Tally(right * 9, (right + wrong) * 9))
    assert 0 <= one[0] <= right / (right + wrong) <= one[1] + 1e-12 <= 1 + 1e-12
    assert many[1] - many[0] < one[1] - one[0]
