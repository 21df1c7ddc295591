"""An attempt at a task ends in an answer, in nothing to do, in a later try, or in the fact that it was given up."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from premortem.adapters.tracer.ids import trace_id_of
from premortem.domain.chain import link
from premortem.domain.evidence import Made
from premortem.domain.ids import FactId
from premortem.domain.project_stream import Resolved
from premortem.domain.tasks import MOST_RECEIVES, BuildContext, Notify, ProposeFix, answer_id
from premortem.domain.timeline import (
    ContextBuilt,
    HumanResponded,
    IncidentResolved,
    IncidentSuppressed,
    RootCauseProposed,
    TaskFailed,
    decode,
    encode,
)
from premortem.domain.work import Answer, Work
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Append, Position
from tests.builders import NOW
from tests.workers.bench import OPENED, Bench, about, asked, built, received

TASK = asked(BuildContext)


class Killed(BaseException):
    """Stands for a kill at a crash point."""


def never(_: Work[BuildContext]) -> Answer:
    raise AssertionError("nobody asked for this")


def test_the_answer_stands_on_the_log_with_an_id_that_every_attempt_would_give_it() -> None:
    bench = Bench()
    bench.store(OPENED)
    assert bench.attempt()(received(TASK)) == "answered"
    (answer,) = bench.facts()
    assert isinstance(answer, ContextBuilt)
    assert (answer.id, answer.occurred_at) == (answer_id(TASK), NOW + 250)
    assert answer.id == answer_id(asked(BuildContext, attempt=3, at=NOW + 9))


def test_a_handler_gets_the_task_with_its_incident_and_the_facts_in_order() -> None:
    seen: list[Work[ProposeFix]] = []

    def propose(work: Work[ProposeFix]) -> Answer:
        seen.append(work)
        return Answer()

    bench = Bench(propose_fix=propose)
    cause = about(RootCauseProposed, verdict="confirmed", summary="s", confidence=0.9, agent="a")
    bench.store(OPENED, cause)
    assert bench.attempt()(received(asked(ProposeFix, cause.id))) == "answered"
    (work,) = seen
    assert (work.task.caused_by, work.facts) == (cause.id, tuple(decode(encode(fact)) for fact in (OPENED, cause)))
    assert (work.incident.status, work.incident.cause is not None) == ("root_cause_proposed", True)
    assert bench.facts() == []


def test_an_answer_says_the_head_of_the_chain_that_it_was_made_upon() -> None:
    def signed(work: Work[BuildContext]) -> Answer:
        made = Made(by="rules", agent="context", agent_version=1)
        return Answer((ContextBuilt(**work.heading(0), v=3, evidence_ids=(), made=made),))

    bench = Bench(build_context=signed)
    note = about(HumanResponded, by="ann", text="looking")
    bench.store(OPENED, note)
    bench.attempt()(received(TASK))
    (answer,) = bench.facts()
    assert isinstance(answer, ContextBuilt)
    assert answer.made is not None
    assert answer.made.upon == link(link("", encode(OPENED)), encode(note))


def signing(**said: Any) -> Callable[[Work[BuildContext]], Answer]:
    """Return a handler that signs its answer."""

    def answer(work: Work[BuildContext]) -> Answer:
        made = Made(by="rules", agent="context", agent_version=1, **said)
        return Answer((ContextBuilt(**work.heading(0), v=3, evidence_ids=(), made=made),))

    return answer


def test_a_step_is_shown_and_its_answer_names_the_trace_that_incident_step_and_attempt_always_have() -> None:
    bench = Bench(build_context=signing())
    bench.store(OPENED)
    bench.attempt()(received(asked(BuildContext, attempt=2)))
    trace_id = trace_id_of(OPENED.incident_id, "context-builder", 2)
    assert bench.traces.steps == [(trace_id, "context-builder", {"came of it": ["0 observations gathered"]})]
    (answer,) = bench.facts()
    assert isinstance(answer, ContextBuilt)
    assert answer.made is not None
    assert (answer.made.trace_id, answer.made.trace_url) == (trace_id, f"https://traces.example/{trace_id}")


def test_a_handler_that_shows_its_step_itself_keeps_its_trace_and_is_not_shown_twice() -> None:
    bench = Bench(build_context=signing(trace_id="its own", trace_url="https://elsewhere.example"))
    bench.store(OPENED)
    bench.attempt()(received(TASK))
    (answer,) = bench.facts()
    assert isinstance(answer, ContextBuilt)
    assert answer.made is not None
    assert (answer.made.trace_id, answer.made.trace_url) == ("its own", "https://elsewhere.example")
    assert bench.traces.steps == []


def test_that_a_task_is_given_up_is_shown_too() -> None:
    def refuse(_: Work[BuildContext]) -> Answer:
        raise Malformed("no such event")

    bench = Bench(build_context=refuse)
    bench.store(OPENED)
    assert bench.attempt()(received(TASK)) == "buried"
    ((_, step, came),) = bench.traces.steps
    assert (step, came) == ("context-builder", {"came of it": ["given up: no such event"]})


def test_records_for_the_project_stream_are_written_with_the_facts() -> None:
    record = Resolved(
        tenant_id=OPENED.tenant_id,
        project_id=OPENED.project_id,
        received_at=NOW,
        fingerprint=OPENED.fingerprint,
        resolved_at=NOW,
    )
    bench = Bench(build_context=lambda _: Answer(records=(record,)))
    bench.store(OPENED)
    bench.attempt()(received(TASK))
    written = [r for p in range(2) for r in bench.log.read("sentry.events", p, 0, 10)]
    assert [(r.key, b"Resolved" in r.value) for r in written] == [("1", True)]


def test_work_waits_until_the_fact_that_asked_for_it_is_stored() -> None:
    bench = Bench()
    storing = threading.Timer(0.4, bench.store, [OPENED])
    storing.start()
    assert bench.attempt(materialize_seconds=10)(received(TASK)) == "answered"
    storing.join()


def test_work_is_not_begun_upon_a_timeline_that_lacks_its_cause() -> None:
    bench = Bench(build_context=never)
    assert bench.attempt()(received(TASK)) == "retried"
    bench.store(OPENED)
    assert bench.attempt()(received(asked(BuildContext, FactId("later")))) == "retried"
    assert bench.facts() == []


def test_who_waits_for_a_timeline_is_told_to_stop() -> None:
    bench = Bench(build_context=never)
    threading.Timer(0.2, bench.stop.set).start()
    begun = time.monotonic()
    assert bench.attempt(materialize_seconds=60)(received(TASK, MOST_RECEIVES)) == "retried"
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "over", [about(IncidentResolved, reason="quiet"), about(IncidentSuppressed, reason="noise")], ids=repr
)
def test_nobody_works_on_an_incident_that_is_over_but_whoever_tells_of_it(over: IncidentResolved) -> None:
    told: list[str] = []

    def tell(work: Work[Notify]) -> Answer:
        told.append(work.task.occasion)
        return Answer()

    bench = Bench(build_context=never, notify=tell)
    bench.store(OPENED, over)
    assert bench.attempt()(received(TASK)) == "deleted"
    assert bench.attempt()(received(asked(Notify, over.id, occasion="resolved"))) == "answered"
    assert told == ["resolved"]


def test_a_task_that_was_answered_already_is_not_worked_on_again() -> None:
    bench = Bench(build_context=never)
    bench.store(OPENED, about(ContextBuilt, id=answer_id(TASK), evidence_ids=()))
    assert bench.attempt()(received(TASK)) == "deleted"
    assert bench.facts() == []


def test_what_another_attempt_failed_at_is_still_worked_on() -> None:
    bench = Bench()
    bench.store(OPENED, about(TaskFailed, task_id=TASK.id, stage="context-builder", reason="r"))
    assert bench.attempt()(received(TASK)) == "answered"


def test_a_kill_between_the_answer_and_the_deletion_of_its_task_gives_one_fact() -> None:
    def killed(name: str) -> None:
        if name == "worker.after_append":
            raise Killed

    bench = Bench()
    bench.store(OPENED)
    with pytest.raises(Killed):
        bench.attempt(crash=killed)(received(TASK))
    assert bench.attempt()(received(TASK, 2)) == "answered"
    assert {fact.id for fact in bench.facts()} == {answer_id(TASK)}


def test_what_may_succeed_later_is_tried_again_and_given_up_at_the_fifth_time() -> None:
    def away(_: Work[BuildContext]) -> Answer:
        raise Unavailable("GitHub does not answer.")

    bench = Bench(build_context=away)
    bench.store(OPENED)
    attempt = bench.attempt()
    assert [attempt(received(TASK, n)) for n in range(1, 5)] == ["retried"] * 4
    assert bench.facts() == []
    assert attempt(received(TASK, 5)) == "buried"
    failed = bench.failed()
    assert (failed.task_id, failed.stage, failed.attempts, failed.v) == (TASK.id, "context-builder", 5, 2)
    assert failed.reason == "GitHub does not answer."


def test_a_fault_of_ours_is_tried_again_and_given_up_at_the_fifth_time_with_its_kind() -> None:
    def broken(_: Work[BuildContext]) -> Answer:
        raise ZeroDivisionError("division by zero \ud800" + "x" * 1000)

    bench = Bench(build_context=broken)
    bench.store(OPENED)
    assert bench.attempt()(received(TASK, 4)) == "retried"
    assert bench.attempt()(received(TASK, 5)) == "buried"
    assert bench.failed().reason.startswith("ZeroDivisionError: division by zero ?xxx")
    assert len(bench.failed().reason) == 500


def test_what_cannot_succeed_is_given_up_at_once_and_as_one_fact_however_often() -> None:
    def refused(_: Work[BuildContext]) -> Answer:
        raise Malformed("the repository has no such commit.")

    bench = Bench(build_context=refused)
    bench.store(OPENED)
    assert [bench.attempt()(received(TASK, n)) for n in (1, 2)] == ["buried", "buried"]
    assert len({fact.id for fact in bench.facts()}) == 1


def test_a_task_that_its_workers_never_finished_is_given_up_without_another_try() -> None:
    bench = Bench(build_context=never)
    bench.store(OPENED)
    assert bench.attempt()(received(TASK, MOST_RECEIVES + 1)) == "buried"
    assert "never finished" in bench.failed().reason


def test_a_worker_that_is_told_to_stop_gives_nothing_up_that_may_succeed() -> None:
    bench = Bench()

    def interrupted(_: Work[BuildContext]) -> Answer:
        bench.stop.set()
        raise Unavailable("cut off.")

    bench.handlers = Bench(build_context=interrupted).handlers
    bench.store(OPENED)
    assert bench.attempt()(received(TASK, 5)) == "retried"


def test_what_cannot_be_written_is_neither_answered_nor_given_up() -> None:
    class Away:
        def append(self, records: list[Append]) -> list[Position]:
            raise Unavailable("the log does not answer.")

    bench = Bench()
    bench.store(OPENED)
    bench.log = Away()  # type: ignore[assignment]
    assert [bench.attempt()(received(TASK, n)) for n in (1, 5)] == ["retried", "retried"]


def test_a_task_without_a_handler_comes_back() -> None:
    bench = Bench(build_context=None)
    bench.store(OPENED)
    assert bench.attempt()(received(TASK)) == "retried"


def test_the_builders_of_this_file_answer_as_a_real_handler_does() -> None:
    bench = Bench(build_context=built)
    assert bench.handlers.queues() == ("context-builder-tasks",)
