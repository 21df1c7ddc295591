"""The pure rules of the supervisor."""

import pytest

from premortem.embedded.child import Child, back_off, stop_order
from premortem.embedded.children import embedded_children
from premortem.settings import Settings


def names(children: list[Child]) -> list[list[str]]:
    return [sorted(child.name for child in group) for group in stop_order(children)]


def test_the_back_off_doubles_from_a_fifth_of_a_second_to_half_a_minute_and_never_further() -> None:
    assert [back_off(failures) for failures in range(6)] == [0, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert {back_off(failures) for failures in (9, 50, 10**9)} == {30.0}


def test_who_was_started_last_is_stopped_first() -> None:
    children = [
        Child(name="database", module="m"),
        Child(name="schema", module="m", after=("database",)),
        Child(name="api", module="m", after=("schema",)),
        Child(name="flows", module="m", after=("database",), after_if_soon=("schema",)),
    ]
    assert names(children) == [["api", "flows"], ["schema"], ["database"]]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        stop_order([Child(name="a", module="m", after=("b",)), Child(name="b", module="m", after=("a",))])


def test_waiting_for_an_unknown_child_is_refused() -> None:
    with pytest.raises(ValueError, match="not there"):
        stop_order([Child(name="a", module="m", after=("b",))])


def test_the_whole_stack_stops_in_under_ten_seconds_even_when_every_child_resists() -> None:
    groups = stop_order(embedded_children(Settings(), {}, frozenset()))
    # After its time is up a child gets its death signal, which only a database may ignore for another second.
    resisting = [max(child.stop_seconds + (child.death_signal != 9) for child in group) for group in groups]
    assert sum(resisting) < 10


def test_the_gateway_does_not_wait_for_clickhouse() -> None:
    children = {child.name: child for child in embedded_children(Settings(), {}, frozenset())}

    def everything_before(name: str) -> set[str]:
        return {name}.union(*(everything_before(other) for other in children[name].after))

    assert everything_before("api") == {"api", "postgres-schema", "postgres"}
    assert "clickhouse" not in everything_before("dataflows")


def test_a_database_of_ones_own_is_migrated_but_not_started() -> None:
    children = {child.name: child for child in embedded_children(Settings(), {}, frozenset({"postgres"}))}
    assert "postgres" not in children
    assert children["postgres-schema"].after == ()


def test_an_embedded_stack_that_listens_everywhere_is_asked_over_loopback() -> None:
    children = {child.name: child for child in embedded_children(Settings(http_host="0.0.0.0"), {}, frozenset())}
    assert children["api"].ready == "http://127.0.0.1:8790/health"
