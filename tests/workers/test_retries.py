"""A task waits longer after every attempt, not quite as long as its neighbour, and always as long as the last time."""

from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.ids import TaskId
from premortem.workers.retries import Retries


def test_the_waits_of_a_task_are_the_same_on_every_machine() -> None:
    assert [Retries().wait(TaskId("a task"), n) for n in (1, 2, 3, 4, 5)] == [4, 27, 178, 1238, 3579]


@given(st.text(), st.integers(1, 40))
def test_a_wait_is_within_a_fifth_of_what_it_should_be_and_never_above_its_bound(task: str, count: int) -> None:
    planned = min(3600.0, 5.0 * 6.0 ** (count - 1))
    assert 0.8 * planned - 1 <= Retries().wait(TaskId(task), count) <= 1.2 * planned + 1


def test_tasks_that_failed_together_do_not_come_back_together() -> None:
    waits = {Retries().wait(TaskId(f"task {n}"), 3) for n in range(50)}
    assert len(waits) > 20
