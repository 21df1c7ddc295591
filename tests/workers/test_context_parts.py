"""The pure parts of the context: each says what it may, keeps within its bounds, and says nothing it cannot know."""

import ast
import json
from typing import Any

import msgspec
import pytest
import sentry_sdk
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sentry_sdk.utils import event_from_exception

from premortem.domain.decision import Decision
from premortem.domain.observations import (
    Blame,
    BlameLine,
    Code,
    Commits,
    CommitSeen,
    Differences,
    EventSeen,
    ExceptionSeen,
    FrameSeen,
    Onset,
    OverRepresented,
    read,
)
from premortem.domain.timeline import ContextBuilt, encode
from premortem.ports import AttributeCount, AttributeCounts, ReleaseCount
from premortem.workers.context.differing import differences
from premortem.workers.context.file_names import candidates, index, names_of
from premortem.workers.context.findings import Draft
from premortem.workers.context.fitting import fit
from premortem.workers.context.onset import onset
from premortem.workers.context.payloads import Payload, ReadException, ReadFrame, read_payload
from premortem.workers.context.releases_seen import good_and_bad
from premortem.workers.context.standing_out import attributes, flags, lift
from premortem.workers.context.texts import cut, representation
from tests.builders import NOW
from tests.workers.shop_archive import event

MINUTE, HOUR = 60_000, 3_600_000
MIDDAY = NOW - NOW % HOUR


# ------------------------------------------------------------------------------------------------------ file names
def _found(filename: str, *paths: str, prefix: str = "", abs_path: str = "", module: str = "") -> list[str]:
    return candidates(names_of(filename, abs_path, module), index(paths, prefix), prefix)


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("shop/cart.py", "shop/cart.py"),
        ("shop/cart.py", "src/shop/cart.py"),
        ("/app/shop/cart.py", "shop/cart.py"),
        ("./shop/cart.py", "shop/cart.py"),
        ("app:///shop/cart.py", "shop/cart.py"),
        ("webpack:///./src/shop/cart.ts?1f2e", "src/shop/cart.ts"),
        ("webpack://shop/src/cart.ts", "src/cart.ts"),
        ("https://cdn.example.org/static/shop/cart.js#1", "shop/cart.js"),
        ("C:\\build\\shop\\cart.cs", "shop/cart.cs"),
        ("~/shop/cart.js", "shop/cart.js"),
        ("../../shop/cart.py", "shop/cart.py"),
        ("cart.py", "deep/er/cart.py"),
    ],
)
def test_a_file_is_recognised_by_what_both_names_end_with(filename: str, path: str) -> None:
    assert _found(filename, path, "README.md", "shop/other.py") == [path]


def test_an_exact_name_wins_over_longer_ones_and_several_are_told_as_several() -> None:
    assert _found("shop/cart.py", "shop/cart.py", "old/shop/cart.py") == ["shop/cart.py"]
    assert _found("shop/cart.py", "a/shop/cart.py", "b/shop/cart.py") == ["a/shop/cart.py", "b/shop/cart.py"]
    assert _found("cart.py", "a/cart.py", "b/cart.py") == ["a/cart.py", "b/cart.py"]


def test_what_else_a_frame_says_tells_apart_what_its_file_name_leaves_open() -> None:
    two = ("a/shop/cart.py", "b/shop/cart.py")
    assert _found("shop/cart.py", *two, abs_path="/srv/b/shop/cart.py") == ["b/shop/cart.py"]
    java = ("x/src/main/java/com/shop/Cart.java", "x/src/main/java/com/blog/Cart.java")
    assert _found("Cart.java", *java, module="com.shop.Cart$Inner") == [java[0]]


def test_a_file_at_the_root_is_not_recognised_by_its_last_name_alone() -> None:
    assert _found("/usr/lib/python3/site-packages/other/settings.py", "settings.py") == []
    assert _found("build/shop/cart.py", "src/shop/cart.py") == []


def test_only_files_below_the_prefix_are_recognised() -> None:
    paths = ("services/shop/cart.py", "services/shopping/cart.py", "cart.py")
    assert _found("cart.py", *paths, prefix="services/shop") == ["services/shop/cart.py"]
    assert _found("shop/cart.py", *paths, prefix="services/shop") == ["services/shop/cart.py"]
    assert _found("cart.py", *paths, prefix="services/sho") == []


_NAME = st.sampled_from(["a", "b", "..", ".", "", "src", "a.py", "b.py"])
_PATH = st.lists(_NAME, min_size=1, max_size=5).map("/".join)


@given(st.lists(_PATH, max_size=8), _PATH, _PATH, st.sampled_from(["", "a", "src", "a/b"]))
def test_whatever_a_frame_names_the_answer_is_a_file_of_the_list_below_the_prefix(
    paths: list[str], filename: str, abs_path: str, prefix: str
) -> None:
    for path in _found(filename, *paths, prefix=prefix, abs_path=abs_path):
        assert path in paths
        assert not prefix or path.startswith(f"{prefix}/")


# ---------------------------------------------------------------------------------------------------- standing out
def test_a_value_stands_out_when_its_share_is_surely_above_the_one_before() -> None:
    counts = AttributeCounts(
        100,
        1000,
        (
            AttributeCount("tag:browser", "Safari", 90, 200),
            AttributeCount("environment", "production", 100, 1000),
            AttributeCount("tag:rare", "x", 2, 0),
            AttributeCount("tag:release", "shop@2", 100, 0),
            AttributeCount("release", "shop@2", 100, 0),
        ),
    )
    found = attributes(counts)
    assert [(each.name, each.lift) for each in found] == [("release", 1001.0), ("tag:browser", 4.49)]
    assert (found[1].inside, found[1].inside_total, found[1].before, found[1].before_total) == (90, 100, 200, 1000)


def test_two_of_three_are_no_evidence_against_half_and_nothing_stands_out_against_nothing() -> None:
    assert attributes(AttributeCounts(3, 20, (AttributeCount("tag:a", "x", 2, 10),))) == ()
    assert attributes(AttributeCounts(4, 20, (AttributeCount("tag:a", "x", 3, 9),))) == ()
    assert attributes(AttributeCounts(40, 20, (AttributeCount("tag:a", "x", 30, 9),))) != ()
    assert attributes(AttributeCounts(50, 0, (AttributeCount("tag:a", "x", 50, 0),))) == ()


_COUNTS = st.integers(0, 10**6)


@given(_COUNTS, _COUNTS, _COUNTS, _COUNTS)
def test_what_stands_out_has_a_higher_share_and_its_lift_is_that_of_its_counts(
    inside: int, inside_more: int, before: int, before_more: int
) -> None:
    counts = AttributeCounts(inside + inside_more, before + before_more, (AttributeCount("t", "v", inside, before),))
    for each in attributes(counts):
        assert each.inside * each.before_total > each.before * each.inside_total
        assert each.lift == lift(each.inside, each.inside_total, each.before, each.before_total) >= 1.5


def test_flags_are_compared_by_the_events_that_were_read() -> None:
    on, off = Payload(flags=(("new_checkout", "true"),)), Payload(flags=(("new_checkout", "false"),))
    (found,) = flags([on] * 20, [off] * 19 + [on])
    assert (found.name, found.value, found.inside, found.before) == ("flag:new_checkout", "true", 20, 1)
    assert flags([on] * 20, [on] * 20) == ()


# --------------------------------------------------------------------------------------------------------- differing
def _failed(total: str, *crumbs: str, function: str = "price") -> Payload:
    frame = ReadFrame(
        filename="cart.py",
        abs_path="",
        module="",
        function=function,
        line=1,
        in_app=True,
        context_line="",
        variables=(("total", total),),
    )
    return Payload(
        exceptions=(ReadException(type="E", value="", source="", frames=(frame,)),),
        breadcrumbs=tuple((0, "query", crumb) for crumb in crumbs),
    )


def test_a_variable_differs_when_failing_events_share_a_value_that_others_have_not() -> None:
    failing = [_failed("None") for _ in range(5)] + [_failed("7")]
    (found,) = differences(failing, [_failed(str(n)) for n in range(6)])
    assert found.where == "variable total in cart.py:price"
    assert (found.failing, found.failing_events, found.other_events) == (("None", "7"), 6, 6)


def test_values_that_are_never_the_same_differ_in_nothing_and_few_events_tell_nothing() -> None:
    others = [_failed(str(n)) for n in range(6)]
    assert differences([_failed(f"<Cart at 0x7f00{n}>") for n in range(3)], others) != ()  # an address is no value
    assert differences([_failed(str(100 + n)) for n in range(6)], others) == ()
    assert differences([_failed("None")] * 2, others) == ()
    assert differences([_failed("None")] * 9, others[:2]) == ()
    assert differences([_failed("None")] * 9, [_failed("1", function="other")] * 9) == ()


def test_a_breadcrumb_differs_whatever_numbers_it_names() -> None:
    failing = [_failed("1", f"SELECT stock WHERE id = {n}", "login") for n in range(5)]
    (found,) = differences(failing, [_failed("1", "login") for _ in range(5)])
    assert (found.where, found.failing, found.failing_events, found.other_events) == (
        "breadcrumb",
        ("query: SELECT stock WHERE id = #",),
        5,
        0,
    )


# ------------------------------------------------------------------------------------------------------------- onset
def _decided(at: int, detector: Any = "spike") -> Decision:
    return Decision(detector, 1, fired=True, at=at, onset=at)


def test_a_frequent_error_began_in_the_minute_before_it_was_seen() -> None:
    counts = {MIDDAY + n * MINUTE: 30 for n in range(10)}
    seen = onset(_decided(MIDDAY + 5_000), counts, MIDDAY + 10 * MINUTE)
    assert (seen.earliest, seen.latest) == (MIDDAY - MINUTE, MIDDAY + MINUTE)
    assert len(seen.minutes) == 10


def test_a_rare_error_may_have_begun_long_before_it_was_seen() -> None:
    counts = {MIDDAY + n * MINUTE: 1 for n in range(0, 60, 10)}
    seen = onset(_decided(MIDDAY), counts, MIDDAY + 60 * MINUTE)
    assert (seen.earliest, seen.latest) == (MIDDAY - 30 * MINUTE, MIDDAY + MINUTE)


def test_what_is_usual_is_no_onset() -> None:
    usual = {MIDDAY - n * MINUTE: 4 for n in range(1, 361)}
    risen = {MIDDAY: 5, MIDDAY + MINUTE: 6, MIDDAY + 2 * MINUTE: 40, MIDDAY + 3 * MINUTE: 41}
    seen = onset(_decided(MIDDAY), usual | risen, MIDDAY + 4 * MINUTE)
    assert seen.latest == MIDDAY + 3 * MINUTE
    assert len(seen.minutes) == 120


def test_a_ramp_is_known_to_the_day() -> None:
    seen = onset(_decided(MIDDAY, "ramp"), {}, MIDDAY)
    assert (seen.earliest, seen.latest) == (MIDDAY - 24 * HOUR, MIDDAY + 24 * HOUR)


@given(
    st.dictionaries(st.integers(-360, 60).map(lambda n: MIDDAY + n * MINUTE), st.integers(1, 1000), max_size=50),
    st.integers(0, 59_999),
    st.integers(0, 60),
)
def test_an_onset_lies_in_its_interval_whatever_was_counted(counts: dict[int, int], late: int, minutes: int) -> None:
    seen = onset(_decided(MIDDAY + late), counts, MIDDAY + minutes * MINUTE)
    assert seen.earliest <= seen.at <= seen.latest
    assert seen.latest - seen.earliest <= 26 * HOUR
    assert list(seen.minutes) == sorted(seen.minutes)


# ---------------------------------------------------------------------------------------------------------- releases
def _release(name: str, first: int, failing: int, since: int, events: int = 100) -> ReleaseCount:
    return ReleaseCount(name, first, MIDDAY + HOUR, events, failing, since)


def test_the_newest_release_without_the_error_is_good_and_the_oldest_that_holds_it_is_bad() -> None:
    counts = [
        _release("1", MIDDAY - 9 * HOUR, 0, 0),
        _release("2", MIDDAY - 5 * HOUR, 0, 0),
        _release("3", MIDDAY - HOUR, 40, 40),
        _release("4", MIDDAY, 60, 60),
    ]
    assert good_and_bad(counts, MIDDAY - HOUR, MIDDAY) == ("2", "3")
    assert good_and_bad(counts[2:], MIDDAY - HOUR, MIDDAY) == (None, "3")
    assert good_and_bad(counts[:2], MIDDAY - HOUR, MIDDAY) == (None, None)
    assert good_and_bad([], MIDDAY, MIDDAY) == (None, None)


def test_of_an_error_that_was_there_before_only_a_release_that_came_with_the_onset_has_a_good_one() -> None:
    old = _release("1", MIDDAY - 9 * HOUR, 12, 2)
    assert good_and_bad([old, _release("2", MIDDAY - MINUTE, 98, 98)], MIDDAY - MINUTE, MIDDAY) == ("1", "2")
    assert good_and_bad([old, _release("2", MIDDAY - 6 * HOUR, 98, 98)], MIDDAY - MINUTE, MIDDAY) == (None, "2")


# ---------------------------------------------------------------------------------------------------------- payloads
def _body(**said: Any) -> Payload:
    return read_payload(event(NOW, payload=msgspec.json.encode(said)))


def _stack(*functions: str, in_app: bool = True) -> dict[str, Any]:
    frames = [{"filename": "a.py", "function": each, "lineno": 3, "in_app": in_app} for each in functions]
    return {"frames": frames}


def test_the_failing_exception_is_what_the_outermost_was_raised_from_but_not_what_was_being_handled() -> None:
    def chain(source: str, *, inner_in_app: bool = True) -> Payload:
        inner = {"type": "KeyError", "mechanism": {"source": source}, "stacktrace": _stack("f", in_app=inner_in_app)}
        return _body(exception={"values": [inner, {"type": "OrderError", "stacktrace": _stack("g")}]})

    types = [each.type for each in map(Payload.failing, (chain("__cause__"), chain("__context__"))) if each]
    assert types == ["KeyError", "OrderError"]
    library = chain("__cause__", inner_in_app=False).failing()
    assert library is not None
    assert library.type == "OrderError"


def test_variables_are_written_as_the_language_writes_them_and_what_is_cut_is_no_value() -> None:
    stack = {
        "frames": [
            {
                "function": "f",
                "vars": {
                    "rates": {"eu": "1.2", "'us'": "2"},
                    "ids": ["1", "'x'"],
                    "n": 5,
                    "no": None,
                    "__builtins__": "x",
                },
            }
        ]
    }
    (exception,) = _body(exception={"values": [{"type": "E", "stacktrace": stack}]}).exceptions
    assert exception.frames[0].variables == (
        ("ids", "[1, 'x']"),
        ("n", "5"),
        ("no", "null"),
        ("rates", "{'eu': 1.2, 'us': 2}"),
    )
    assert representation([["1"] * 200])[-3:] == "…]]"
    assert cut("123456", 4) == "123…"


def test_what_the_real_sdk_sends_of_local_variables_can_be_read_as_literals_again() -> None:
    sent: list[Any] = []
    client = sentry_sdk.Client("http://key@127.0.0.1:9/1", before_send=lambda event, hint: sent.append(event))
    items, rates, country = [{"price": 10, "name": "it's"}], {"eu": 1.2, "us": None}, "fr"
    try:
        rates[country]
    except KeyError as problem:
        found, hint = event_from_exception(problem, client_options=client.options)
        client.capture_event(found, hint, sentry_sdk.Scope())
    client.close(timeout=0)
    payload = read_payload(event(NOW, payload=msgspec.json.encode({"exception": sent[0]["exception"]})))
    variables = dict(payload.exceptions[0].frames[-1].variables)
    read_again = {name: ast.literal_eval(variables[name]) for name in ("items", "rates", "country")}
    assert read_again == {"items": items, "rates": rates, "country": country}


def test_breadcrumbs_flags_and_a_messages_own_stack_are_read() -> None:
    payload = _body(
        breadcrumbs={
            "values": [{"timestamp": 1.5, "category": "http", "data": {"url": "/pay"}}, "x", {"message": "m"}]
        },
        contexts={"flags": {"values": [{"flag": "new", "result": True}, {"flag": 1, "result": 1}, 7]}},
        stacktrace=_stack("f"),
    )
    assert payload.breadcrumbs == ((1500, "http", "{url: /pay}"), (0, "", "m"))
    assert payload.flags == (("new", "true"),)
    failing = payload.failing()
    assert failing is not None
    assert [frame.function for frame in failing.in_app()] == ["f"]


_KEYS = st.sampled_from(
    ["exception", "values", "stacktrace", "frames", "vars", "breadcrumbs", "contexts", "flags", "mechanism", "threads",
     "crashed", "lineno", "timestamp", "flag", "result"]
)  # fmt: skip
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(_JSON)
def test_whatever_json_a_body_is_it_is_read(body: Any) -> None:
    payload = read_payload(event(NOW, payload=json.dumps(body).encode()))
    differences([payload] * 3, [payload] * 3)
    failing = payload.failing()
    assert failing is None or failing.in_app() is not None


# ----------------------------------------------------------------------------------------------------------- fitting
def _long(size: int, text: str) -> list[Draft]:
    frame = FrameSeen(filename=text, function="f", line=1, in_app=True, variables=((text, text),) * 9)
    observations: list[tuple[Any, Any]] = [
        ("onset", Onset(at=1, earliest=0, latest=2, minutes=((1, 1),) * size)),
        (
            "event",
            EventSeen(
                rule="first",
                event_id="1" * 32,
                occurred_at=1,
                title=text,
                exceptions=(ExceptionSeen(type="E", value=text, frames=(frame,) * size),),
                breadcrumbs=((1, "c", text),) * size,
            ),
        ),
        ("code", Code(repository="r", commit="c", path="p", function="f", first_line=1, failing_line=size // 2 + 1,
                      lines=(text,) * (size + 1), depth=0)),
        ("blame", Blame(repository="r", commit="c", path="p", failing_line=5,
                        lines=(BlameLine(line=5, text=text, commit="c", committed_at=1),) * size)),
        ("commits", Commits(repository="r", bad_commit="b", good_commit=None, rule="between_releases",
                            commits=(CommitSeen(id="c", committed_at=1, subject=text, paths=(text,) * 20,
                                                patch=text * 50),) * size)),
        ("over_represented", OverRepresented(attributes=())),
        ("differences", Differences(differences=())),
    ]  # fmt: skip
    return [
        Draft(kind=kind, title=kind, query="q", parameters=(("p", str(number)),), observation=observation)
        for number, (kind, observation) in enumerate(observations)
    ]


@given(st.integers(1, 60), st.text(min_size=1, max_size=60), st.integers(2_000, 200_000))
def test_evidence_that_is_cut_to_fit_is_still_what_its_kind_says(size: int, text: str, most: int) -> None:
    drafts = _long(size, text)
    evidence, dropped = fit(drafts, most)
    assert sum(len(msgspec.json.encode(each)) for each in evidence) <= most
    assert len(evidence) + len(dropped) == len(drafts)
    whole = {draft.kind: draft.observation for draft in drafts}
    for each in evidence:
        observation = read(each, type(whole[each.kind]))
        assert observation is not None
        assert each.truncated == (observation != whole[each.kind])
        if isinstance(observation, Code):
            assert observation.first_line <= observation.failing_line < observation.first_line + len(observation.lines)


def test_what_fits_is_left_as_it_is_and_a_full_context_stays_below_its_size() -> None:
    drafts = _long(3, "text")
    evidence, dropped = fit(drafts)
    assert not any(each.truncated for each in evidence)
    evidence, dropped = fit(_long(60, '"quoted"' * 7) * 3)
    fact = ContextBuilt(id="f", incident_id="i", tenant_id="t", project_id=1, occurred_at=1, evidence_ids=(),  # type: ignore[arg-type]
                        evidence=evidence, v=2)  # fmt: skip
    assert dropped == ()
    assert 150 << 10 < len(encode(fact)) < 256 << 10


def test_the_same_observations_are_cut_in_the_same_way() -> None:
    drafts = _long(60, "some words")
    assert fit(drafts, 20_000) == fit([replace(draft) for draft in drafts], 20_000)
