"""Likeness of incidents: the same everywhere, near for stacks that share frames, far for others."""

from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.likeness import DIMENSIONS, similarity, vector
from tests.hash_seeds import written_under

FRAMES = [("app/web.py", "serve"), ("app/shop/cart.py", "total"), ("app/shop/price.py", "rate")]
_NAMES = st.text(max_size=8)


def test_a_stack_is_like_itself_wherever_it_is_installed_and_unlike_another_one() -> None:
    here = vector(["KeyError"], FRAMES, "no rate for 'eu'")
    there = vector(["KeyError"], [(f"/srv/x/{file}", function) for file, function in FRAMES], "no rate for 'us'")
    other = vector(["TimeoutError"], [("lib/net.py", "connect"), ("lib/pool.py", "get")], "no answer")
    assert similarity(here, there) > 0.7
    assert similarity(here, other) < 0.3
    assert len(here) == DIMENSIONS


def test_a_vector_is_the_same_in_every_process() -> None:
    program = (
        "from premortem.domain.likeness import vector\n"
        "print(vector(['KeyError', 'E'], [('a.py', 'f'), ('b.py', 'g')], 'some words here'))"
    )
    assert len(written_under(("0", "1"), program)) == 1


@given(st.lists(_NAMES, max_size=3), st.lists(st.tuples(_NAMES, _NAMES), max_size=20), st.text(max_size=50))
def test_likeness_is_between_minus_one_and_one_and_one_with_itself(
    types: list[str], frames: list[tuple[str, str]], message: str
) -> None:
    one, other = vector(types, frames, message), vector(types[:1], frames[:2], message)
    assert similarity(one, one) == (1.0 if any(one) else 0.0)
    assert -1.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)
