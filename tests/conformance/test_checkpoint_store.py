"""Every checkpoint store keeps the promise of `ports.CheckpointStore`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.postgres import open_pool
from premortem.exceptions import Conflict
from premortem.ports import CheckpointStore


@dataclass(frozen=True)
class Losable:
    """A store, and what loses all that is in it."""

    store: CheckpointStore
    lose: Callable[[], None]


@pytest.fixture(params=["memory", "postgres"])
def losable(request: pytest.FixtureRequest) -> Iterator[Losable]:
    if request.param == "memory":
        memory = MemoryCheckpointStore()
        yield Losable(memory, memory.lose)
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)

    def truncate() -> None:
        with pool.connection() as connection:
            connection.execute("TRUNCATE checkpoints, checkpoint_state")

    yield Losable(PostgresCheckpointStore(pool), truncate)
    pool.close()


@pytest.fixture
def store(losable: Losable) -> CheckpointStore:
    return losable.store


def test_a_partition_without_a_checkpoint_begins_at_zero(store: CheckpointStore) -> None:
    found = store.load("detect", 3)
    assert (found.next_offset, dict(found.state)) == (0, {})


def test_position_and_changed_parts_come_back_byte_for_byte(store: CheckpointStore) -> None:
    store.save("detect", 0, 10, {"a": b"\0\xff", "b": b"one"})
    store.save("detect", 0, 20, {"b": b"two", "c": b""})
    found = store.load("detect", 0)
    assert (found.next_offset, dict(found.state)) == (20, {"a": b"\0\xff", "b": b"two", "c": b""})


def test_none_removes_a_part(store: CheckpointStore) -> None:
    store.save("detect", 0, 1, {"a": b"x", "b": b"y"})
    store.save("detect", 0, 1, {"a": None, "absent": None})
    assert dict(store.load("detect", 0).state) == {"b": b"y"}


def test_an_older_worker_is_refused_and_changes_nothing(store: CheckpointStore) -> None:
    store.save("route", 1, 20, {"a": b"new"})
    with pytest.raises(Conflict):
        store.save("route", 1, 19, {"a": b"old"})
    found = store.load("route", 1)
    assert (found.next_offset, dict(found.state)) == (20, {"a": b"new"})


def test_what_changed_is_not_saved_upon_a_state_that_was_lost_meanwhile(losable: Losable) -> None:
    store = losable.store
    store.save("detect", 0, 10, {"a": b"x", "b": b"y"})
    store.load("detect", 0)
    losable.lose()
    with pytest.raises(Conflict, match=r"was at offset 10, and is stored at 0.*Start the dataflow anew"):
        store.save("detect", 0, 20, {"b": b"alone"})
    begun = store.load("detect", 0)
    assert (begun.next_offset, dict(begun.state)) == (0, {})
    store.save("detect", 0, 20, {"a": b"x", "b": b"z"})
    assert dict(store.load("detect", 0).state) == {"a": b"x", "b": b"z"}


def test_a_state_of_several_megabytes_is_saved_whole_or_not_at_all(store: CheckpointStore) -> None:
    state = {f"part-{number}": bytes([number]) * 700_000 for number in range(5)}
    store.save("detect", 0, 10, state)
    assert dict(store.load("detect", 0).state) == state
    with pytest.raises(Conflict):
        store.save("detect", 0, 9, dict.fromkeys(state, b"older"))
    assert dict(store.load("detect", 0).state) == state


def test_a_state_of_thousands_of_parts_comes_back_whole(store: CheckpointStore) -> None:
    state = {f"1/part-{number}": number.to_bytes(2, "little") for number in range(4_500)}
    store.save("detect", 0, 10, state)
    store.save("detect", 1, 10, {"1/part-0": b"of another partition"})
    assert dict(store.load("detect", 0).state) == state


def test_flows_and_partitions_keep_apart(store: CheckpointStore) -> None:
    store.save("route", 0, 5, {"x": b"1"})
    store.save("detect", 1, 7, {})
    assert dict(store.positions()) == {("route", 0): 5, ("detect", 1): 7}
    assert dict(store.load("detect", 0).state) == {}


def test_one_part_of_every_state_is_read_at_once(store: CheckpointStore) -> None:
    store.save("route", 0, 5, {"counters": b"1", "x": b"2"})
    store.save("detect", 1, 7, {"counters": b"3"})
    store.save("detect", 2, 7, {"x": b"4"})
    assert dict(store.parts("counters")) == {("route", 0): b"1", ("detect", 1): b"3"}
