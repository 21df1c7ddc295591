"""Grouping in sentences: what makes two events one error, what does not, and that hostile events end."""

from hashlib import md5
from typing import Any

import pytest

from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame, Thread
from premortem.domain.fingerprint import VERSION, Grouping, explain, group
from premortem.domain.ids import EventId

EMPTY = md5(b"").hexdigest()


def event(**said: Any) -> ErrorEvent:
    """Return an event that says what is given, and otherwise as little as possible."""
    quiet: dict[str, Any] = {
        "event_id": EventId("0" * 32),
        "platform": "python",
        "occurred_at": 0,
        "received_at": 0,
        "level": "error",
        "title": "",
        "culprit": "",
    }
    return ErrorEvent(**(quiet | said))


def app(function: str, **said: Any) -> Frame:
    return Frame(function, module="shop", in_app=True, **said)


def library(function: str) -> Frame:
    return Frame(function, module="framework", in_app=False)


def error(*frames: Frame, type: str | None = "KeyError", value: str = "'total'", **said: Any) -> ExceptionValue:
    return ExceptionValue(type=type, value=value, frames=frames or None, **said)


def raised(*exceptions: ExceptionValue, **said: Any) -> Grouping:
    return group(event(exceptions=exceptions, **said))


def hashed(*values: str) -> str:
    return md5("".join(values).encode()).hexdigest()


def names(grouping: Grouping) -> list[str]:
    return [variant.name for variant in grouping.variants]


def values(grouping: Grouping) -> list[str]:
    return [value for _, value in grouping.variants[0].values]


def test_the_applications_frames_make_one_hash_and_all_frames_another() -> None:
    grouping = raised(error(library("run"), app("pay"), library("get")))
    assert names(grouping) == ["app", "system"]
    assert grouping.hashes == (
        hashed("shop", "pay", "KeyError"),
        hashed("framework", "run", "shop", "pay", "framework", "get", "KeyError"),
    )
    assert grouping.version == VERSION


def test_two_events_that_differ_in_a_library_alone_share_the_app_hash() -> None:
    one = raised(error(library("run"), app("pay")))
    other = raised(error(library("run_fast"), app("pay")))
    assert one.hashes[0] == other.hashes[0]
    assert one.hashes[1] != other.hashes[1]


def test_an_app_variant_that_adds_nothing_is_left_out() -> None:
    assert names(raised(error(app("pay")))) == ["system"]
    assert names(raised(error(library("run")))) == ["system"]


def test_without_a_stack_the_type_and_the_parameterised_value_speak() -> None:
    grouping = raised(error(value="order 17 of bob@example.com is gone"))
    assert values(grouping) == ["KeyError", "order <int> of <email> is gone"]
    assert grouping.hashes == raised(error(value="order 4711 of eve@example.org is gone")).hashes


def test_with_a_stack_the_value_says_nothing_and_the_type_does() -> None:
    assert raised(error(app("pay"), value="a")).hashes == raised(error(app("pay"), value="b")).hashes
    assert raised(error(app("pay"))).hashes != raised(error(app("pay"), type="TypeError")).hashes


def test_the_type_of_a_synthetic_exception_says_nothing() -> None:
    one, other = error(app("pay"), type="SIGSEGV", synthetic=True), error(app("pay"), type="SIGBUS", synthetic=True)
    assert raised(one).hashes == raised(other).hashes


def test_a_chain_counts_whole_and_in_its_order() -> None:
    cause, outcome = error(app("read"), type="OSError"), error(app("pay"), type="PaymentError")
    grouping = raised(cause, outcome)
    assert grouping.variants[0].strategy == "chained-exception"
    assert grouping.hashes == (hashed("shop", "read", "OSError", "shop", "pay", "PaymentError"),)
    assert raised(outcome).hashes != grouping.hashes
    assert raised(outcome, cause).hashes != grouping.hashes


def member(number: int, parent: int | None = 0, *, type: str = "ValueError", at: str = "pay") -> ExceptionValue:
    return error(app(at), type=type, exception_id=number, parent_id=parent)


ROOT = error(app("gather"), type="ExceptionGroup", exception_id=0, is_exception_group=True)


def test_a_group_of_like_exceptions_groups_as_one_of_them_alone() -> None:
    assert raised(member(2), member(1), ROOT).hashes == raised(member(0, None)).hashes


def test_a_group_of_unlike_exceptions_groups_by_each_kind_once_and_by_the_root() -> None:
    other = member(3, type="TypeError", at="ship")
    grouping = raised(other, member(2), member(1), ROOT)
    assert grouping.hashes == raised(other, member(1), ROOT).hashes
    assert grouping.hashes == raised(member(3), member(2, type="TypeError", at="ship"), ROOT).hashes
    assert grouping.hashes != raised(member(1), ROOT).hashes
    assert values(grouping)[-1] == "ExceptionGroup"


def test_a_broken_tree_of_exceptions_is_a_chain() -> None:
    whole = raised(member(1), error(app("gather"), type="ExceptionGroup", is_exception_group=True))
    assert values(whole) == ["shop", "pay", "ValueError", "shop", "gather", "ExceptionGroup"]
    for broken in (member(1, 1), member(0)):  # its own parent; an id given twice
        assert raised(broken, ROOT).hashes == whole.hashes


def test_a_cycle_of_exception_groups_ends() -> None:
    first = error(type="A", exception_id=1, parent_id=0, is_exception_group=True)
    root = error(type="R", exception_id=0, parent_id=1, is_exception_group=True)
    assert raised(first, root).hashes == (hashed("R", "'total'"),)


@pytest.mark.parametrize(
    ("frame", "platform"),
    [
        (
            Frame("f", abs_path="/srv/venv/site-packages/x/y.py", filename="x/y.py", in_app=True),
            "python",
        ),
        (Frame("f", abs_path="/srv/app/node_modules/x/i.js", filename="i.js", in_app=True), "node"),
        (Frame("f", module="org.springframework.web.X", in_app=True), "java"),
        (Frame("f", abs_path="/home/u/go/pkg/mod/x/y.go", filename="y.go", in_app=True), "go"),
    ],
)
def test_a_rule_says_that_a_librarys_frame_is_not_the_applications(frame: Frame, platform: str) -> None:
    grouping = raised(error(app("pay"), frame), platform=platform)
    assert names(grouping) == ["app", "system"]
    assert grouping.hashes[0] == hashed("shop", "pay", "KeyError")


def test_frames_that_say_nothing_about_the_place_are_in_no_variant() -> None:
    noise = Frame("processTicksAndRejections", module="internal", in_app=False)
    assert raised(error(noise, app("pay")), platform="node").hashes == raised(error(app("pay")), platform="node").hashes


def native(function: str | None, package: str | None = None) -> Frame:
    return Frame(function, package=package)


def test_a_rule_looks_at_every_frame_before_it_speaks_of_any() -> None:
    gl = "/System/Library/Frameworks/OpenGL.framework/GLEngine"
    frames = (native("draw"), *(native(f"gl{n}", gl) for n in range(4)))
    assert values(raised(error(*frames), platform="native")) == ["draw", "gl0", "KeyError"]


def test_a_frame_without_a_function_is_unknown_to_the_rules_and_can_be_where_a_thread_begins() -> None:
    thread = "/usr/lib/system/libsystem_pthread.dylib"
    frames = (native("before"), native(None, thread), native("work"))
    assert values(raised(error(*frames), platform="native")) == ["work", "KeyError"]


@pytest.mark.parametrize("platform", ["python", "native", "java", "javascript", "other"])
def test_a_question_mark_is_no_name_of_a_function(platform: str) -> None:
    assert values(raised(error(app("?"), app("pay")), platform=platform)) == ["shop", "shop", "pay", "KeyError"]


def test_a_call_that_repeats_itself_counts_once() -> None:
    deep = error(*[app("walk", lineno=3)] * 50)
    assert raised(deep).hashes == raised(error(app("walk", lineno=3))).hashes
    for place in ({"lineno": 4}, {"lineno": 3, "colno": 9}):
        assert raised(error(app("walk", lineno=3), app("walk", **place))).hashes != raised(deep).hashes


def test_the_text_of_a_source_line_counts_where_it_can_be_trusted() -> None:
    def at(line: str, platform: str) -> tuple[str, ...]:
        return raised(error(app("pay", context_line=line)), platform=platform).hashes

    assert at("\treturn  x", "python") == at("return x", "python") != at("return y", "python")
    assert at("return x", "java") == at("return y", "java")
    assert at("x" * 121, "python") == at("y" * 121, "python")


def test_a_file_is_known_by_its_name_where_no_module_is_said() -> None:
    one, other = (error(Frame("f", filename=path)) for path in ("/releases/1/Shop.py", "C:\\releases\\2\\shop.py"))
    assert raised(one).hashes == raised(other).hashes == (hashed("shop.py", "f", "KeyError"),)


def test_a_template_of_a_message_groups_better_than_its_text() -> None:
    logged = [group(event(message="cannot pay %s", formatted=f"cannot pay {who}")) for who in ("bob", "eve")]
    assert logged[0].hashes == logged[1].hashes == (hashed("cannot pay %s"),)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("took 17ms at 10.0.0.1", "took <duration> at <ip>"),
        ("job 6ccb1757-8dc8-49c1-8711-a064f20ddd15 died on 2026-11-22", "job <uuid> died on <date>"),
        (f"lost {'a' * 32}", "lost <md5>"),
        ("lost abcdefab-abcd-abcd-abcd-abcdefabcdef", "lost <uuid>"),
        ("GET https://example.com/a?b=1 gave -5", "GET <url> gave <int>"),
        ("flag=True and name='bob'", "flag=<bool> and name=<quoted_str>"),
        ("Wed Apr 17 22:31:45 2019: gone", "<date>: gone"),
        ("since Apr  7 22:31:45 2019", "since <date>"),
        ("due=datetime.datetime(2023, 5, 2, tzinfo=datetime.timezone.utc) x", "due=<date> x"),
        ("at 0xdeadbeef, 1.5 of 3", "at <hex>, <float> of <int>"),
        ("one\n\ntwo\nthree", "one\ntwo..."),
        ("nothing changes here", "nothing changes here"),
    ],
)
def test_what_changes_in_a_message_is_known_by_its_kind(message: str, kept: str) -> None:
    grouping = group(event(formatted=message))
    assert values(grouping) == [kept]
    assert grouping.hashes == (hashed(kept),)


def test_what_stands_far_behind_in_a_message_says_nothing() -> None:
    assert group(event(message="x" * 8192 + "one")).hashes == group(event(message="x" * 8192 + "two")).hashes


def test_of_several_threads_the_one_that_crashed_speaks() -> None:
    crashed, current = Thread((app("boom"),), crashed=True), Thread((app("wait"),), current=True)
    idle = Thread((app("idle"),))
    assert values(group(event(threads=(idle, current, crashed)))) == ["shop", "boom"]
    assert values(group(event(threads=(idle, current)))) == ["shop", "wait"]
    assert values(group(event(threads=(idle,)))) == ["shop", "idle"]
    assert values(group(event(threads=(idle, idle), message="two that idle"))) == ["two that idle"]


def test_an_event_that_brings_nothing_has_the_hash_of_nothing() -> None:
    assert group(event()).hashes == (EMPTY,)


def test_the_clients_fingerprint_replaces_everything() -> None:
    grouping = raised(error(app("pay")), fingerprint=("pay", "v2"))
    assert grouping.hashes == (hashed("pay", "v2"),)
    assert names(grouping) == ["custom-fingerprint"]


@pytest.mark.parametrize("default", ["{{ default }}", "{{default}}", "{{  default  }}"])
def test_the_default_alone_is_no_fingerprint_and_beside_others_is_salted(default: str) -> None:
    plain = raised(error(library("run"), app("pay")))
    assert raised(error(library("run"), app("pay")), fingerprint=(default,)) == plain
    salted = raised(error(library("run"), app("pay")), fingerprint=("eu", default))
    assert salted.hashes == tuple(hashed("eu", *(value for _, value in variant.values)) for variant in plain.variants)
    assert set(salted.hashes).isdisjoint(plain.hashes)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("transaction", "/pay"),
        ("message", "hello"),
        ("error.type", "KeyError"),
        ("type", "KeyError"),
        ("error.value", "'total'"),
        ("stack.function", "pay"),
        ("stack.module", "shop"),
        ("stack.abs_path", "/srv/shop.py"),
        ("stack.filename", "shop.py"),
        ("stack.package", "libshop.so"),
        ("level", "error"),
        ("logger", "shop.log"),
        ("tags.region", "eu"),
        ("tags.none", "<no-value-for-tag-none>"),
        ("unheard.of", "{{ unheard.of }}"),
    ],
)
def test_variables_of_a_fingerprint_are_filled_in(variable: str, value: str) -> None:
    frame = app("pay", filename="shop.py", abs_path="/srv/shop.py", package="/usr/lib/libshop.so")
    grouping = raised(
        error(frame, library("run")),
        fingerprint=("x", f"{{{{ {variable} }}}}"),
        transaction="/pay",
        formatted="hello",
        logger="shop.log",
        tags=(("region", "eu"),),
    )
    assert values(grouping) == ["x", value]


def test_variables_that_the_event_does_not_fill_say_so() -> None:
    parts = ("transaction", "message", "type", "value", "function", "path", "filename", "module", "package", "logger")
    grouping = group(event(fingerprint=tuple(f"{{{{ {part} }}}}" for part in parts)))
    said = [part.replace("path", "abs-path") for part in parts]
    assert values(grouping) == [f"<no-{part}>" for part in said]


def test_a_checksum_is_the_hash_when_it_looks_like_one_and_is_hashed_when_not() -> None:
    assert raised(error(app("pay")), checksum="AB" * 16, fingerprint=("x",)).hashes == ("ab" * 16,)
    assert group(event(checksum="build 7")).hashes == (hashed("build 7"),)


def test_what_made_a_hash_is_kept_and_can_be_read() -> None:
    grouping = raised(error(app("pay", context_line="total['x']")))
    assert [role for role, _ in grouping.variants[0].values] == ["module", "function", "context-line", "type"]
    assert explain(grouping).splitlines() == [
        f"system (exception) {grouping.hashes[0]}",
        "  module: shop",
        "  function: pay",
        "  context-line: total['x']",
        "  type: KeyError",
    ]


MEGABYTE = 1 << 20


@pytest.mark.parametrize("unit", ["<", "([{<", "a<", "='", "{{", "\\", "1.", "a@", "::", "{lambda(", "$_", "?A0x"])
def test_a_megabyte_of_brackets_ends_wherever_it_stands(unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    frame = Frame(text, text, text, text, text, text, text, in_app=True)
    hashes = [
        group(event(platform="native", frames=(frame, Frame(text, in_app=True)))).hashes,
        group(event(message=text)).hashes,
        raised(error(type=text, value=text)).hashes,
        group(event(fingerprint=(text, "{{ default }}", "{{" + " " * MEGABYTE))).hashes,
        group(event(checksum=text)).hashes,
    ]
    assert all(len(value) == 32 for found in hashes for value in found)


def test_templates_nested_deeply_end_as_one_name() -> None:
    name = "std::vector" + "<std::pair" * 200_000 + ">" * 200_000 + "::push_back(int)"
    assert group(event(platform="native", frames=(Frame(name, in_app=True),))).hashes
    nested = "shop::Box" + "<A" * 900 + ">" * 900 + "::open(int)"
    assert values(group(event(platform="native", frames=(Frame(nested, in_app=True),)))) == ["shop::Box<T>::open"]


def test_ten_thousand_frames_end() -> None:
    walk = tuple(app(f"f{n % 50}", lineno=n) for n in range(10_000))
    assert len(values(group(event(frames=walk)))) == 20_000
    raising = tuple(Frame("std::panicking::begin_panic", lineno=n) for n in range(3_000))
    assert group(event(platform="native", frames=raising)).hashes == (EMPTY,)


def test_a_thousand_exceptions_in_one_tree_end() -> None:
    chain = tuple(member(n, n - 1) for n in range(999, 0, -1))
    assert len(values(raised(*chain, ROOT))) == 3 * 999
    broad = tuple(member(n, 0, type=f"T{n}") for n in range(999, 0, -1))
    assert len(values(raised(*broad, ROOT))) == 3 * 1000
