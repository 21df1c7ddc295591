"""Lookups: what was known a moment ago never waits for the tables, and nothing waits for long."""

import asyncio
import time
from collections.abc import Iterator
from threading import Event

import pytest

from api.lookups import Lookups
from premortem.exceptions import Unavailable


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Tables:
    """Answers what it is told; can be away, and can hang."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        self.away = False
        self.open = Event()
        self.open.set()

    def __call__(self, name: str) -> str | None:
        self.asked.append(name)
        self.open.wait()
        if self.away:
            raise Unavailable("away")
        return self.answers.get(name)


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def lookups(tables: Tables) -> Iterator[Lookups[str | None]]:
    made = Lookups(tables, wait_seconds=0.2, at_once=3, size=4)
    yield made
    tables.open.set()
    made.close()


pytestmark = pytest.mark.anyio


async def settled(lookups: Lookups[str | None]) -> None:
    while lookups._asking:
        await asyncio.sleep(0.001)


async def test_a_fresh_answer_is_not_asked_for_again(tables: Tables, lookups: Lookups[str | None]) -> None:
    tables.answers["a"] = "1"
    assert [await lookups.find("a", now) for now in (0, 10, 4_999)] == ["1"] * 3
    assert tables.asked == ["a"]


async def test_an_old_answer_serves_once_while_the_new_one_is_fetched(
    tables: Tables, lookups: Lookups[str | None]
) -> None:
    tables.answers["a"] = "1"
    await lookups.find("a", 0)
    tables.answers["a"] = "2"
    assert [await lookups.find("a", 5_000) for _ in range(3)] == ["1"] * 3
    await settled(lookups)
    assert await lookups.find("a", 5_001) == "2"
    assert tables.asked == ["a", "a"]


async def test_an_answer_that_was_not_needed_for_long_is_fetched_anew(
    tables: Tables, lookups: Lookups[str | None]
) -> None:
    tables.answers["a"] = "1"
    await lookups.find("a", 0)
    tables.answers["a"] = "2"
    assert await lookups.find("a", 60_000) == "2"


async def test_that_there_is_none_never_serves_for_what_was_just_made(
    tables: Tables, lookups: Lookups[str | None]
) -> None:
    assert await lookups.find("a", 0) is None
    tables.answers["a"] = "1"
    assert await lookups.find("a", 5_000) == "1"


async def test_tables_that_are_away_leave_the_old_answer_and_refuse_what_was_never_known(
    tables: Tables, lookups: Lookups[str | None]
) -> None:
    tables.answers["a"] = "1"
    await lookups.find("a", 0)
    tables.away = True
    assert await lookups.find("a", 70_000) == "1"
    assert await lookups.find("a", 71_000) == "1"
    assert tables.asked == ["a", "a"]
    with pytest.raises(Unavailable):
        await lookups.find("b", 0)


async def test_tables_that_hang_stall_no_known_name_and_an_unknown_one_not_for_long(
    tables: Tables, lookups: Lookups[str | None]
) -> None:
    tables.answers["a"] = "1"
    await lookups.find("a", 0)
    tables.open.clear()
    begun = time.monotonic()
    for name in ("b", "c", "d", "e", "f"):
        with pytest.raises(Unavailable):
            await lookups.find(name, 0)
    assert time.monotonic() - begun < 20
    assert set(lookups._asking) == {"b", "c", "d"}
    begun = time.monotonic()
    for now in range(5_000, 600_000, 1_000):  # ten minutes of steady requests: to wait each time would take two
        assert await lookups.find("a", now) == "1"
    assert time.monotonic() - begun < 10
    tables.open.set()
    await settled(lookups)
    assert tables.asked == ["a", "b", "c", "d"]


async def test_a_name_that_hangs_waits_once_a_minute_and_no_more(tables: Tables, lookups: Lookups[str | None]) -> None:
    tables.answers["a"] = "1"
    await lookups.find("a", 0)
    tables.open.clear()
    begun = time.monotonic()
    for now in range(5_000, 120_000, 500):
        assert await lookups.find("a", now) == "1"
    assert time.monotonic() - begun < 15  # two waits of 0.2 s, where one each time would take 46 s
    assert tables.asked == ["a", "a"]


async def test_requests_that_come_together_ask_once(tables: Tables, lookups: Lookups[str | None]) -> None:
    tables.answers["a"] = "1"
    assert await asyncio.gather(*(lookups.find("a", 0) for _ in range(50))) == ["1"] * 50
    assert tables.asked == ["a"]


async def test_made_up_names_push_out_the_oldest_answers(tables: Tables, lookups: Lookups[str | None]) -> None:
    for number in range(5):
        await lookups.find(str(number), 0)
    await lookups.find("1", 0)
    assert tables.asked == ["0", "1", "2", "3", "4"]
    await lookups.find("0", 0)
    assert tables.asked[-1] == "0"
