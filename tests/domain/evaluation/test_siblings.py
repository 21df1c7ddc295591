"""Which new errors come from the frames that a fix changed."""

import pytest

from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame
from premortem.domain.evaluation import Place, is_sibling, places
from premortem.domain.ids import EventId


def failed(*frames: Frame, **changes: object) -> ErrorEvent:
    values: dict[str, object] = {
        "event_id": EventId("0" * 32),
        "platform": "python",
        "occurred_at": 0,
        "received_at": 0,
        "level": "error",
        "title": "KeyError",
        "culprit": "",
        "exceptions": (ExceptionValue(type="KeyError", frames=frames),),
    }
    return ErrorEvent(**(values | changes))  # type: ignore[arg-type]


SAME = ["shop/cart.py", "/srv/releases/7/src/shop/cart.py", "C:\\app\\src\\shop\\cart.py", "cart.py", "./shop/cart.py",
        "app:///src/shop/cart.py", "webpack://shop/./src/shop/cart.py?a1b2", "~/src/shop/cart.py"]  # fmt: skip
OTHER = ["shop/cart.pyx", "shop/mycart.py", "other/shop/cart.js", "shop/cart", "", "mail/cart.py"]


@pytest.mark.parametrize("name", SAME)
def test_a_frame_is_in_a_changed_file_whatever_its_machine_calls_the_folder_above(name: str) -> None:
    assert is_sibling(failed(Frame(filename=name)), [Place("src/shop/cart.py")])


@pytest.mark.parametrize("name", OTHER)
def test_a_file_of_another_name_or_folder_is_another_file(name: str) -> None:
    assert not is_sibling(failed(Frame(filename=name)), [Place("src/shop/cart.py")])


def test_frames_of_libraries_do_not_count_and_those_that_do_not_say_whose_they_are_do() -> None:
    cart = [Place("shop/cart.py")]
    assert not is_sibling(failed(Frame(filename="shop/cart.py", in_app=False)), cart)
    assert is_sibling(failed(Frame(filename="shop/cart.py", in_app=None)), cart)
    assert is_sibling(failed(Frame(abs_path="/srv/shop/cart.py", in_app=True)), cart)


def test_a_caller_in_a_changed_file_is_enough_and_so_is_a_stack_outside_any_exception() -> None:
    caller, callee = Frame(filename="shop/cart.py"), Frame(filename="shop/tax.py")
    assert is_sibling(failed(caller, callee), [Place("shop/cart.py")])
    assert is_sibling(failed(exceptions=(), frames=(caller,)), [Place("shop/cart.py")])
    assert not is_sibling(failed(exceptions=()), [Place("shop/cart.py")])


def test_siblings_come_from_changed_files_and_from_the_function_that_failed() -> None:
    before = failed(Frame(filename="web.py", function="serve"), Frame(filename="shop/tax.py", function="rate"))
    assert places(["b.py", "a.py", "b.py"], before) == (Place("a.py"), Place("b.py"), Place("shop/tax.py", "rate"))
    near = places([], before)
    assert is_sibling(failed(Frame(filename="shop/tax.py", function="rate")), near)
    assert not is_sibling(failed(Frame(filename="shop/tax.py", function="round")), near)
    assert not is_sibling(failed(Frame(filename="web.py", function="serve")), near)


def test_where_nothing_is_known_nothing_is_near() -> None:
    assert places([], None) == places(["", "/"], failed()) == ()
    assert not is_sibling(failed(Frame(filename="a.py")), ())
