"""Policy: what a fact sets in motion."""

import pytest

from premortem.domain.ids import FactId, Fingerprint
from premortem.domain.incident import Incident, evolve, fold
from premortem.domain.project_stream import Muted, Resolved
from premortem.domain.routing import NOTHING, Reaction, react
from premortem.domain.tasks import (
    BuildContext,
    EvaluateFix,
    FindDeploy,
    Notify,
    OpenPullRequest,
    ProposeFix,
    ProposeInstrumentation,
    ProposeRootCause,
    Task,
    WatchPullRequest,
    task_id,
)
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentFact,
    IncidentGrew,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
    TaskFailed,
)
from tests.builders import NOW, detected, incident

ONE = incident()


def about(fact: type[IncidentFact], **values: object) -> IncidentFact:
    known = {"id": FactId("f"), "incident_id": ONE.id, "tenant_id": ONE.tenant_id, "project_id": ONE.project_id}
    return fact(**{**known, "occurred_at": NOW + 1, **values})  # type: ignore[arg-type]


def react_after(fact: IncidentFact, before: Incident | None = ONE) -> Reaction:
    changed = evolve(before, fact)
    assert changed is not None
    return react(changed, fact)


@pytest.mark.parametrize("fact", [detected(), about(IncidentReopened, reason="back")])
def test_an_incident_that_opens_or_opens_again_asks_for_its_context(fact: IncidentFact) -> None:
    task, notice = react(ONE, fact).tasks
    assert isinstance(task, BuildContext)
    assert isinstance(notice, Notify)
    assert task.caused_by == notice.caused_by == fact.id
    assert react(ONE, fact) == react(ONE, fact)


def test_a_resolved_incident_tells_the_detector_of_each_of_its_errors_where_it_was() -> None:
    grown = fold([about(IncidentGrew, fingerprint=Fingerprint("b" * 32), severity="low", decision=ONE.decisions[0],
                        event_id="1" * 32)], ONE)  # fmt: skip
    assert grown is not None
    fact = about(IncidentResolved, reason="by_person", release="shop@2")
    records = react(grown, fact).records
    assert [record.fingerprint for record in records if isinstance(record, Resolved)] == ["a" * 32, "b" * 32]
    assert {(r.release, r.environment, r.resolved_at) for r in records if isinstance(r, Resolved)} == {
        ("shop@2", "production", NOW + 1)
    }


def test_a_note_sets_nothing_in_motion() -> None:
    assert react_after(about(HumanResponded, by="ann", text="on it")) == NOTHING


MADE = {"summary": "s", "patch": "p"}
ASKED: list[tuple[IncidentFact, type[Task]]] = [
    (about(ContextBuilt, evidence_ids=()), ProposeRootCause),
    (about(RootCauseProposed, verdict="probable", summary="s", confidence=0.6, agent="a"), ProposeFix),
    (about(RootCauseProposed, verdict="confirmed", summary="s", confidence=0.9, agent="a"), ProposeFix),
    (about(RootCauseProposed, verdict="probable", summary="s", confidence=0.59, agent="a"), ProposeInstrumentation),
    (about(RootCauseProposed, verdict="inconclusive", summary="s", confidence=0.9, agent="a"), ProposeInstrumentation),
    (about(FixProposed, **MADE, ready=True), OpenPullRequest),
    (about(InstrumentationProposed, **MADE, ready=True), OpenPullRequest),
    (about(PullRequestOpened, repository="r", number=1, url="u", branch="b"), WatchPullRequest),
    (about(FixApplied, repository="r", number=1, commit="c"), FindDeploy),
    (about(FixDeployed, release="2", environment="production", inferred=False), EvaluateFix),
    (about(EvaluationCompleted, verdict="inconclusive", summary="s", look_again_at=NOW + 60_000), EvaluateFix),
    (about(HumanResponded, by="ann", text="it is the cache", action="correct_cause"), BuildContext),
]


@pytest.mark.parametrize(("fact", "kind"), ASKED, ids=lambda each: getattr(each, "__name__", type(each).__name__))
def test_each_step_asks_for_the_next_one(fact: IncidentFact, kind: type[Task]) -> None:
    (task,) = [task for task in react_after(fact).tasks if not isinstance(task, Notify)]
    assert isinstance(task, kind)
    assert (task.id, task.caused_by, task.at) == (task_id(kind, fact.id), fact.id, fact.occurred_at)


@pytest.mark.parametrize(
    "fact",
    [
        about(FixProposed, **MADE),
        about(InstrumentationProposed, **MADE),
        about(RootCauseProposed, verdict="not_an_incident", summary="s", confidence=0.9, agent="a"),
        about(EvaluationCompleted, verdict="inconclusive", summary="s"),
        about(TaskFailed, task_id="t", stage="fix", reason="r"),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_where_nothing_goes_on_by_itself_a_person_is_told(fact: IncidentFact) -> None:
    (notice,) = react_after(fact).tasks
    assert isinstance(notice, Notify)
    assert notice.occasion == "needs_you"


def test_a_fix_that_helped_resolves_its_incident_in_the_release_that_carries_it() -> None:
    (fact,) = react_after(about(EvaluationCompleted, verdict="effective", summary="s", release="shop@2")).facts
    assert isinstance(fact, IncidentResolved)
    assert (fact.reason, fact.release) == ("verified", "shop@2")


@pytest.mark.parametrize("verdict", ["ineffective", "harmful"])
def test_a_fix_that_did_not_help_opens_the_investigation_again_and_the_second_one_hands_it_over(verdict: str) -> None:
    first = about(EvaluationCompleted, verdict=verdict, summary="as before", id=FactId("one"))
    (again,) = react_after(first).facts
    assert isinstance(again, IncidentReopened)
    assert "as before" in again.reason
    once = evolve(ONE, first)
    (handed,) = react_after(about(EvaluationCompleted, verdict=verdict, summary="s", id=FactId("two")), once).facts
    assert isinstance(handed, TaskFailed)
    assert handed.reason == "2 fixes did not help"


def test_instrumentation_that_is_deployed_is_given_time_to_gather_and_then_read() -> None:
    opened = about(PullRequestOpened, id=FactId("o"), repository="r", number=1, url="u", branch="b",
                   purpose="instrumentation")  # fmt: skip
    merged = about(FixApplied, id=FactId("m"), repository="r", number=1, commit="c0ffee")
    deployed = about(FixDeployed, release="2", environment="production", inferred=False, commit="c0ffee")
    (task,) = react_after(deployed, fold([opened, merged], ONE)).tasks
    assert isinstance(task, BuildContext)
    assert task.due_at > task.at


def test_whoever_suppresses_an_incident_mutes_its_errors_with_a_tripwire() -> None:
    fact = about(HumanResponded, by="ann", text="known noise", action="suppress", until=NOW + 86_400_000)
    reaction = react_after(fact)
    (suppressed,), (muted,) = reaction.facts, reaction.records
    assert isinstance(suppressed, IncidentSuppressed)
    assert isinstance(muted, Muted)
    assert (suppressed.reason, suppressed.by, muted.until) == ("known noise", "ann", NOW + 86_400_000)
    assert muted.tripwire is not None


def test_late_answers_about_an_incident_that_is_over_set_nothing_in_motion() -> None:
    over = fold([about(IncidentResolved, id=FactId("r"), reason="by_person")], ONE)
    assert react_after(about(ContextBuilt, evidence_ids=()), over) == NOTHING
    rejected = about(HumanResponded, by="ann", text="no", action="reject_cause")
    assert react_after(rejected, over) == NOTHING


def test_a_notice_that_reached_nobody_brings_no_further_notice() -> None:
    assert react_after(about(TaskFailed, task_id="t", stage="notification", reason="r")) == NOTHING
