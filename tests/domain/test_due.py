"""What an incident waits for is known from the log alone, and asked for again when it does not come."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.due import PATIENCE, Due
from premortem.domain.ids import FactId
from premortem.domain.incident import evolve
from premortem.domain.routing import react
from premortem.domain.tasks import BuildContext, FindDeploy, Task, WatchPullRequest, answer_id, task_id
from premortem.domain.timeline import (
    ContextBuilt,
    FixApplied,
    FixDeployed,
    HumanResponded,
    IncidentFact,
    IncidentResolved,
    PullRequestOpened,
    TaskFailed,
)
from tests.builders import NOW, detected, incident

ONE = incident()
OPENED = detected()
MINUTE = 60_000


def about(kind: Any, **said: Any) -> Any:
    whose = {"incident_id": ONE.id, "tenant_id": ONE.tenant_id, "project_id": ONE.project_id}
    return kind(**({"id": FactId("f"), "occurred_at": NOW} | whose | said))


def after(due: Due, fact: IncidentFact) -> list[Task]:
    changed = evolve(ONE, fact)
    assert changed is not None
    return due.take(changed, fact, react(changed, fact).tasks)


def opened() -> tuple[Due, BuildContext]:
    due = Due()
    (task, _) = after(due, OPENED)
    assert isinstance(task, BuildContext)
    return due, task


def test_an_answer_that_does_not_come_is_asked_for_again_by_the_next_attempt() -> None:
    due, task = opened()
    assert due.pass_time(NOW + 10 * MINUTE - 1) == ([], [])
    ((again,), given_up) = due.pass_time(NOW + 10 * MINUTE)
    assert (again.id, again.attempt, again.at) == (task_id(BuildContext, OPENED.id, 2), 2, NOW + 10 * MINUTE)
    assert answer_id(again) == answer_id(task)
    assert given_up == []


def test_an_answer_settles_it_and_asks_for_what_comes_next() -> None:
    due, task = opened()
    asked = after(due, about(ContextBuilt, id=answer_id(task), evidence_ids=()))
    sent, given_up = due.pass_time(NOW + 10 * MINUTE)
    assert sent == given_up == []
    assert due.pass_time(NOW + 15 * MINUTE)[0][0].caused_by == asked[0].caused_by == answer_id(task)


def test_the_answer_to_another_question_settles_nothing() -> None:
    due, _ = opened()
    after(due, about(ContextBuilt, id=FactId("another"), evidence_ids=()))
    assert BuildContext in {type(task) for task in due.pass_time(NOW + 60 * MINUTE)[0]}


def test_a_task_that_a_worker_gave_up_is_not_asked_for_again() -> None:
    due, task = opened()
    after(due, about(TaskFailed, task_id=task.id, stage="context-builder", reason="r"))
    assert due.pass_time(NOW + 600 * MINUTE) == ([], [])


def test_a_pull_request_is_looked_at_until_somebody_tells_what_became_of_it() -> None:
    due, opened_at = Due(), NOW
    known = {"repository": "acme/shop", "number": 7, "url": "https://x/7", "branch": "b"}
    assert WatchPullRequest not in {type(task) for task in after(due, about(PullRequestOpened, **known))}
    for minutes in (10, 20, 40, 80, 140):
        (task,), _ = due.pass_time(opened_at + minutes * MINUTE)
        assert isinstance(task, WatchPullRequest)
    after(due, about(HumanResponded, id=FactId("h"), by="ann", text="no", action="reject_fix"))
    assert WatchPullRequest in {type(task) for task in due.pass_time(opened_at + 200 * MINUTE)[0]}
    end = about(HumanResponded, id=FactId("e"), by="ann", text="no", action="reject_fix", url="https://x/7")
    after(due, end)
    assert WatchPullRequest not in {type(task) for task in due.pass_time(opened_at + 900 * MINUTE)[0]}
    after(due, about(PullRequestOpened, id=FactId("p"), **known))
    after(due, about(FixApplied, id=FactId("m"), repository="acme/shop", number=7, commit="c"))
    assert WatchPullRequest not in {type(task) for task in due.pass_time(opened_at + 1800 * MINUTE)[0]}


def test_what_nobody_answers_is_given_up_in_the_end_and_says_so_on_the_timeline() -> None:
    due, _ = opened()
    most, at, sent = PATIENCE[BuildContext].attempts, NOW, 1
    while True:
        at += 61 * MINUTE
        again, given_up = due.pass_time(at)
        if given_up:
            break
        sent += len(again)
    (fact,) = given_up
    assert isinstance(fact, TaskFailed)
    assert sent == most
    assert (fact.stage, fact.attempts) == ("context-builder", most)
    assert "premortem doctor" in fact.reason
    assert due.pass_time(at * 2) == ([], [])


def test_a_task_for_later_is_sent_when_its_time_has_come() -> None:
    due = Due()
    asked = after(due, about(FixApplied, repository="r", number=1, commit="c"))
    assert asked == []
    assert due.pass_time(NOW + MINUTE - 1) == ([], [])
    ((task,), _) = due.pass_time(NOW + MINUTE)
    assert (type(task), task.attempt) == (FindDeploy, 1)


def test_a_deploy_is_looked_for_until_there_is_one() -> None:
    due, at = Due(), NOW
    after(due, about(FixApplied, repository="r", number=1, commit="c"))
    for _ in range(50):
        at += 61 * MINUTE
        sent, given_up = due.pass_time(at)
        assert [type(task) for task in sent] == [FindDeploy]
        assert given_up == []
    after(due, about(FixDeployed, id=answer_id(sent[0]), release="2", environment="e", inferred=True, occurred_at=at))
    assert FindDeploy not in {type(task) for task in due.pass_time(at * 2)[0]}


def test_nothing_is_asked_for_about_an_incident_that_is_over() -> None:
    due, _ = opened()
    after(due, about(IncidentResolved, reason="by_person"))
    assert due.pass_time(NOW + 600 * MINUTE) == ([], [])


@given(st.lists(st.integers(0, 90), max_size=12), st.integers(0, 12))
@settings(deadline=None)
def test_stopping_anywhere_and_going_on_changes_nothing(minutes: list[int], cut: int) -> None:
    whole, _ = opened()
    kept = dict(whole.changed())
    parted = Due.restore({name: part for name, part in kept.items() if part is not None})
    at = NOW
    for n, passed in enumerate(minutes):
        at += passed * MINUTE
        assert whole.pass_time(at) == parted.pass_time(at)
        kept.update(parted.changed())
        if n == cut:
            parted = Due.restore({name: part for name, part in kept.items() if part is not None})
