"""Events are normalised as Relay normalises them, hostile ones too; where we differ on purpose stands here with why."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.error_event import ErrorEvent
from premortem.exceptions import Malformed
from premortem.sentry.event_payload import event_id_of, normalise
from premortem.sentry.json_body import loads

NOW = 1_795_358_836_000
"""When Relay received its cases, in ms."""
ID = "0" * 32
RELAYS_OWN = ("_meta", "contexts", "errors", "key_id", "project", "received", "sdk", "type", "version")
"""What Relay adds from the request, and its notes; no case sends any of these in a form that Relay keeps."""

AS_SENT = "what we do not work with is kept as it was sent, within the limits of the JSON reader"
DEEPER = "deep values are bounded by the JSON reader, which refuses them; nothing is turned into text"
ALLOWANCE = "a text is cut at its limit; Relay lets it run 200 characters over before it cuts"
TYPED = "the kept frame stays as sent; the typed one has the path that Relay fills in (tested below)"
REFUSED = "what is no event is refused with a clear error; Relay stores an event that says nothing"
DIFFERENT = {
    "bigint": "a number beyond 64 bits stays as near as a float comes; Relay makes it 0",
    "breadcrumbs_list": AS_SENT,
    "exc_context_line_long": AS_SENT,
    "exc_frames": TYPED,
    "exc_value_8193": ALLOWANCE,
    "extra_big_string": AS_SENT,
    "extra_deep": DEEPER,
    "fingerprint_mixed": "the kept list stays as sent; the typed one is Relay's (tested below)",
    "message_8193": ALLOWANCE,
    "message_nullbyte": "PostgreSQL takes no NUL, so U+FFFD stands where one was",
    "not_object": REFUSED,
    "request_bad_method": AS_SENT,
    "request_headers_list": AS_SENT,
    "surrogate": "real SDKs send lone surrogates: U+FFFD stands where one was; Relay loses the event",
    "tags_empty_value": "a tag without a value is left out; Relay keeps its name with null",
    "threads": TYPED,
    "unknown_key": AS_SENT,
    "user_email_only": "Relay's `sentry_user` is not written: a keyed hash takes its place",
    "user_int_id": "the kept user stays as sent; the hash is the same for 5 and for the text 5 (tested below)",
}


def normalised(payload: Any, **options: Any) -> tuple[dict[str, Any], ErrorEvent]:
    """Return what becomes of a payload on its way from bytes."""
    value = loads(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return normalise(value, event_id=event_id_of(value, None, ID), received_at=NOW, **options)


def typed(**payload: Any) -> ErrorEvent:
    return normalised(payload)[1]


def without_nothing(value: Any) -> Any:
    """Return the value without what is null or empty: a mark that something is missing, and its absence, are one."""
    if isinstance(value, dict):
        kept = {key: without_nothing(entry) for key, entry in value.items()}
        return {key: entry for key, entry in kept.items() if entry not in (None, "", [], {})}
    if isinstance(value, list):
        return [entry for entry in map(without_nothing, value) if entry not in (None, "", [], {})]
    return value


def face(payload: dict[str, Any]) -> Any:
    """Return what can be compared of a normalised payload."""
    ids = ("event_id",) if payload.get("event_id") in (ID, "<generated>") else ()
    return without_nothing({key: value for key, value in payload.items() if key not in (*RELAYS_OWN, *ids)})


def agrees(case: dict[str, Any]) -> bool:
    try:
        value = loads(case["input_json"].encode())
    except Malformed:
        return "ok" not in case
    if not isinstance(value, dict):
        return "ok" not in case
    kept, _ = normalise(value, event_id=event_id_of(value, None, ID), received_at=NOW)
    return "ok" in case and face(kept) == face(case["ok"])


def test_events_become_what_relay_makes_of_them(shared_data: Path) -> None:
    cases = json.loads((shared_data / "sentry/wire/normalize_cases.json").read_text())["cases"]
    assert len(cases) >= 70
    assert {name for name, case in cases.items() if not agrees(case)} == set(DIFFERENT)


def test_where_the_kept_payload_stays_as_sent_the_typed_event_is_relays(shared_data: Path) -> None:
    cases = json.loads((shared_data / "sentry/wire/normalize_cases.json").read_text())["cases"]
    assert normalised(cases["fingerprint_mixed"]["input_json"].encode())[1].fingerprint == ("1", "2", "True", "a")
    for name in ("exc_frames", "threads"):
        _, event = normalised(cases[name]["input_json"].encode())
        holder: Any = (*event.exceptions, *event.threads)[0]
        places = cases[name]["ok"].get("exception", cases[name]["ok"].get("threads"))["values"][0]["stacktrace"]
        assert holder.frames
        assert [(f.abs_path, f.filename, f.function, f.in_app, f.lineno) for f in holder.frames] == [
            (f["abs_path"], f["filename"], f["function"], f["in_app"], f["lineno"]) for f in places["frames"]
        ]


def test_a_user_is_known_by_a_keyed_hash_of_the_strongest_that_is_said() -> None:
    def user(salt: bytes = b"salt", **said: Any) -> str | None:
        return normalised({"user": said}, user_salt=salt)[1].user_hash

    assert user(id=5) == user(id="5") == user(id=5, email="a@b.c")
    assert len({user(id="5"), user(email="5"), user(id="5", salt=b"other"), user(id="6"), None}) == 5
    assert user(ip_address="{{auto}}") is user(id=True) is user(id="") is user() is None


def test_not_a_number_is_null_and_the_rest_of_the_event_stays() -> None:
    kept, event = normalised(b'{"message": "x", "timestamp": NaN, "extra": {"a": NaN, "b": [Infinity, 1.5]}}')
    assert kept["extra"] == {"a": None, "b": [None, 1.5]}
    assert (event.formatted, event.occurred_at) == ("x", NOW)
    assert normalised(b'{"timestamp": 1e999}')[1].occurred_at == NOW


def test_numbers_that_no_json_holds_do_no_harm_either() -> None:
    payload = {"timestamp": float("nan"), "exception": [{"type": "A", "value": {"n": 1 << 70}}]}
    _, event = normalise(payload, event_id=ID, received_at=NOW)
    assert (event.occurred_at, event.exceptions[0].type, event.exceptions[0].value) == (NOW, "A", None)


def test_lone_surrogates_and_nuls_become_a_visible_mark_everywhere() -> None:
    kept, event = normalised(
        rb'{"message": "a\ud800b\u0000c", "release": "r\u0000", "tags": {"k": "v\udfff"}, "e\u0000": "\ud83d\ude00",'
        rb' "exception": [{"type": "T\u0000", "value": "\udc00", "stacktrace": {"frames": [{"function": "f\ud800"}]}}]}'
    )
    assert (event.formatted, event.release, event.tags) == ("a�b�c", "r�", (("k", "v�"),))
    assert (event.exceptions[0].type, event.exceptions[0].value) == ("T�", "�")
    assert event.exceptions[0].frames
    assert event.exceptions[0].frames[0].function == "f�"
    assert kept["e�"] == "😀"


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        (NOW / 1000 - 5.25, NOW - 5_250),
        (NOW // 1000 + 60, NOW + 60_000),
        (NOW // 1000 + 61, NOW),
        (NOW // 1000 - 30 * 86_400, NOW - 30 * 86_400_000),
        (NOW // 1000 - 30 * 86_400 - 1, NOW),
        (NOW, NOW),
        (-1e300, NOW),
        ("2026-11-22T14:47:15.500Z", NOW - 500),
        ("2026-11-22T15:47:15+01:00", NOW - 1000),
        ("2026-11-22 14:47:15", NOW),
        (str(NOW // 1000 - 1), NOW),
        ("9999-12-31T23:59:59-23:59", NOW),
        ("0001-01-01T00:00:00+23:59", NOW),
        (True, NOW),
        (None, NOW),
        ([], NOW),
    ],
)
def test_a_time_is_clamped_around_the_time_received(said: Any, stored: int) -> None:
    kept, event = normalised({"timestamp": said})
    assert event.occurred_at == stored
    assert kept["timestamp"] == stored / 1000


def test_the_interfaces_of_raven_are_read_under_their_old_names() -> None:
    stack = {"frames": [{"function": "f"}]}
    kept, event = normalised(
        {
            "sentry.interfaces.Exception": {"values": [{"type": "A", "value": "b"}]},
            "sentry.interfaces.Message": {"message": "user %s", "params": ["bob"]},
            "sentry.interfaces.Stacktrace": stack,
            "sentry.interfaces.User": {"id": 5},
            "sentry.interfaces.Http": {"url": "http://x"},
        }
    )
    assert (event.title, event.message, event.formatted) == ("A: b", "user %s", "user bob")
    assert event.frames
    assert event.frames[0].function == "f"
    assert event.user_hash
    assert kept["request"] == {"url": "http://x"}
    assert not [name for name in kept if name.startswith("sentry.interfaces")]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"message": "%s of %d, %s", "params": ["a", 2]}, "a of 2, %s"),
        ({"message": "100%% of %s", "params": [["x"]]}, '100% of ["x"]'),
        ({"message": "{} and {}", "params": ["a", None]}, "a and None"),
        ({"message": "{} and {}", "params": ["a"]}, "{} and {}"),
        ({"message": "%(who)s, %(gone)s, %(none)s", "params": {"who": "bob", "none": None}}, "bob, %(gone)s, None"),
        ({"message": "m", "formatted": "f", "params": 5}, "f"),
        ({"message": {"a": 1}}, '{"a":1}'),
    ],
)
def test_a_message_is_formatted_as_far_as_its_parameters_go(entry: dict[str, Any], text: str) -> None:
    assert typed(logentry=entry).formatted == text


def test_of_the_places_of_a_message_the_strongest_counts_and_the_others_do_not_stay() -> None:
    old, top = {"sentry.interfaces.Message": {"message": "old"}}, {"message": "top"}
    for said, title in (({"logentry": "new"} | old | top, "new"), (old | top, "old"), (top, "top")):
        kept, event = normalised(said)
        assert event.title == title
        assert kept["logentry"] == {"formatted": title}
        assert not {"message", "sentry.interfaces.Message"} & kept.keys()


@pytest.mark.parametrize("value", ["x" * 60_000, {"k": ["x" * 1000] * 200}])
def test_a_template_that_names_a_long_value_often_costs_no_memory(value: Any) -> None:
    tracemalloc.start()
    event = typed(logentry={"message": "%(a)s" * 1600, "params": {"a": value}})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(event.formatted or "") <= 8192
    assert peak < 20_000_000


def test_a_server_name_becomes_a_tag_and_a_tag_says_nothing_twice() -> None:
    kept, event = normalised({"server_name": "web-1", "tags": {"server_name": "old", "a": " ", "b": 1.9, "c": True}})
    assert event.tags == (("b", "1"), ("c", "True"), ("server_name", "web-1"))
    assert "server_name" not in kept
    assert len(typed(server_name="z", tags={f"k{n}": "v" for n in range(300)}).tags) == 200


def test_of_many_frames_exceptions_and_breadcrumbs_the_telling_ones_stay() -> None:
    frames = [{"function": f"f{n}"} for n in range(400)]
    kept, event = normalised(
        {
            "exception": [{"type": "A", "stacktrace": {"frames": frames}}, *[{"type": "B"}] * 300],
            "breadcrumbs": [{"message": str(n)} for n in range(200)],
        }
    )
    assert len(event.exceptions) == 200
    assert [frame.function for frame in event.exceptions[0].frames or ()] == [
        *(f"f{n}" for n in range(50)),
        *(f"f{n}" for n in range(200, 400)),
    ]
    assert [crumb["message"] for crumb in kept["breadcrumbs"]["values"]] == [str(n) for n in range(50, 200)]


FIELDS = (
    *("event_id", "platform", "timestamp", "level", "logger", "transaction", "release", "environment", "dist", "tags"),
    *("user", "contexts", "logentry", "message", "sentry.interfaces.Message", "exception", "threads", "stacktrace"),
    *("template", "csp", "hpkp", "fingerprint", "checksum", "sdk", "culprit", "breadcrumbs", "server_name", "request"),
)
WRONG: tuple[Any, ...] = (None, True, -1, 1.5, "", "text", [], [[]], [None, 1, "a"], {}, {"values": 5}, {"": [{}]})
INSIDE = (
    *("values", "type", "value", "module", "mechanism", "meta", "ns_error", "stacktrace", "frames", "function", "data"),
    *("filename", "abs_path", "lineno", "in_app", "message", "formatted", "params", "trace", "trace_id", "id", "email"),
    *("name", "version", "effective_directive", "violated_directive", "blocked_uri", "hostname", "context_line"),
)


def valid(payload: dict[str, Any], event: ErrorEvent) -> None:
    """Assert what holds of every event, whatever was sent."""
    assert orjson.loads(orjson.dumps(payload))["event_id"] == event.event_id
    assert event.title
    assert event.level in ("debug", "info", "warning", "error", "fatal")
    assert payload["level"] == event.level
    assert payload["platform"] == event.platform
    assert NOW - 30 * 86_400_000 <= event.occurred_at <= NOW + 60_000
    assert payload["tags"] == [list(tag) for tag in event.tags]
    orjson.dumps(event.tags)


@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_type_anywhere_gives_an_event_and_never_an_exception(field: str) -> None:
    for value in WRONG:
        valid(*normalised({field: value}))
    for name in INSIDE:
        for value in WRONG:
            valid(*normalised({field: {name: value}}))
            valid(*normalised({field: [{name: {name: value}}]}))


@pytest.mark.parametrize("name", INSIDE)
def test_a_wrong_type_inside_an_exception_leaves_the_rest_of_it(name: str) -> None:
    for value in WRONG:
        wrong = {name: value}
        for entry in (wrong, {"mechanism": wrong}, {"mechanism": {"meta": wrong}}, {"stacktrace": wrong}):
            payload, event = normalised({"exception": [{"type": "A", "value": "b", "module": "m", **entry}]})
            valid(payload, event)
            assert event.exceptions or name in ("type", "value")
            assert event.exceptions[0].module == "m" or name == "module"
        frames = [{"function": "f", "lineno": 1, **wrong}, {"function": "last"}]
        _, event = normalised({"exception": [{"type": "A", "stacktrace": {"frames": frames}}]})
        assert [frame.function for frame in event.exceptions[0].frames or ()][-1] == "last"


def test_what_a_wrong_type_leaves_out_is_the_default_and_its_neighbours_stay() -> None:
    event = typed(
        level={}, platform=5, release=[], environment={}, dist="a b", timestamp=[], tags=7, user=3, fingerprint="x",
        checksum=1, logger=2, transaction=[], contexts=4, threads=1, message="still here",
    )  # fmt: skip
    assert (event.level, event.platform, event.occurred_at) == ("error", "other", NOW)
    assert event.release is event.environment is event.dist is event.user_hash is event.checksum is None
    assert (event.tags, event.fingerprint, event.threads) == ((), (), ())
    assert event.title == "still here"


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12)
texts = st.sampled_from(["a: b", "%s {} %(a)s", "2026-11-22T14:47:15Z", "10", " ", "latest", "x\ny", "\ud800", "\0"])
keys = st.sampled_from(INSIDE) | st.text(max_size=4)
values = st.recursive(leaves | texts, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=4))
objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), values, max_size=8)


@given(objects)
@settings(max_examples=300, deadline=None)
def test_any_object_gives_valid_json_and_normalising_it_again_changes_nothing(payload: dict[str, Any]) -> None:
    first, event = normalised(payload)
    valid(first, event)
    body = orjson.dumps(first)
    second, again = normalise(orjson.loads(body), event_id=event.event_id, received_at=NOW)
    assert orjson.dumps(second) == body
    assert again == event


@given(st.binary(max_size=200) | values.map(lambda v: json.dumps(v).encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_an_event_or_are_malformed(body: bytes) -> None:
    try:
        value = loads(body)
    except Malformed:
        return
    if isinstance(value, dict):
        valid(*normalise(value, event_id=ID, received_at=NOW))
