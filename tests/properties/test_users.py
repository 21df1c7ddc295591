"""Properties of the users' bitmap: order and repetition do not matter, and packing anywhere changes nothing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.detection import users
from premortem.domain.detection.users import PERIOD_MINUTES, UsersWindow

HASHES = st.text("0123456789abcdef", min_size=1, max_size=32)
VISITS = st.lists(st.tuples(st.integers(0, 6 * PERIOD_MINUTES), HASHES), max_size=60)


@given(st.lists(HASHES, max_size=60), st.randoms(use_true_random=False))
def test_order_and_repetition_leave_the_same_bitmap(hashes: list[str], random: object) -> None:
    first = second = 0
    for each in hashes:
        first = users.add(first, each)
    again = hashes + hashes[::2]
    random.shuffle(again)  # type: ignore[attr-defined]
    for each in again:
        second = users.add(second, each)
    assert first == second
    assert users.unpack(users.pack(first)) == first
    assert users.estimate(first) <= len(hashes) + 4


@given(VISITS, st.randoms(use_true_random=False))
def test_a_window_does_not_care_for_the_order_of_arrival(visits: list[tuple[int, str]], random: object) -> None:
    windows = [UsersWindow(), UsersWindow()]
    for minute, user in visits:
        windows[0].add(minute, user)
    shuffled = visits[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for minute, user in shuffled:
        windows[1].add(minute, user)
    assert windows[0].pack() == windows[1].pack()


@given(VISITS, st.integers(0, 60))
def test_packing_a_window_anywhere_changes_nothing(visits: list[tuple[int, str]], cut: int) -> None:
    whole, window = UsersWindow(), UsersWindow()
    for n, (minute, user) in enumerate(visits):
        if n == cut:
            window = UsersWindow.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(window.pack())))
        whole.add(minute, user)
        window.add(minute, user)
    assert window.pack() == whole.pack()
