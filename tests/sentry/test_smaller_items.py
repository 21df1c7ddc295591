"""Sessions, client reports, logs, check-ins, deploys, transactions, rate limits, DSNs and old store bodies."""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.exceptions import Malformed
from premortem.sentry import client_reports, deploys, dsn, logs, rate_limits, sessions, store_body, transactions
from premortem.sentry.encoding import TooLarge
from premortem.sentry.scrub import Marker
from premortem.sentry.timestamps import parse_timestamp

NOW = 1_795_360_907_000
ATTRS = {"release": "shop@1", "environment": "prod"}


def test_aggregates_are_summed_by_their_minute() -> None:
    value = {
        "aggregates": [{"started": "2026-11-22T10:00:30Z", "exited": 3, "crashed": 1}, {"exited": -1}],
        "attrs": ATTRS,
    }
    (bucket,) = sessions.parse("sessions", value, 1_795_341_700_000)
    assert (bucket.started_at % 60_000, bucket.exited, bucket.crashed, bucket.release) == (0, 3, 1, "shop@1")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ({"init": True, "status": "ok"}, "exited"),
        ({"init": True, "status": "ok", "errors": 2}, "errored"),
        ({"init": False, "status": "crashed"}, "crashed"),
        ({"init": False, "status": "abnormal"}, "abnormal"),
        ({"init": False, "status": "exited"}, None),
    ],
)
def test_a_single_session_counts_once_and_as_badly_as_it_ended(value: dict[str, Any], outcome: str | None) -> None:
    buckets = sessions.parse("session", {**value, "attrs": ATTRS}, NOW)
    assert [getattr(b, outcome or "") for b in buckets] == ([1] if outcome else [])


def test_client_reports_keep_positive_quantities() -> None:
    entries = [{"reason": "before_send", "category": "error", "quantity": 2}, {"reason": 1}, {"quantity": True}, None]
    assert client_reports.parse({"discarded_events": entries}) == (client_reports.Drop("before_send", "error", 2),)


def test_log_attributes_are_unwrapped_and_lines_without_body_left_out() -> None:
    item = {
        "body": "hi",
        "level": "warn",
        "timestamp": NOW / 1000,
        "attributes": {"a": {"value": 1, "type": "integer"}},
    }
    (line,) = logs.parse({"items": [item, {"level": "info"}]}, NOW, Marker(b""))
    assert (line.body, line.level, line.attributes, line.occurred_at) == ("hi", "warn", {"a": 1}, NOW)


def test_a_failed_check_in_is_an_error_line() -> None:
    line = logs.parse_check_in({"monitor_slug": "nightly", "status": "error", "duration": 1.5}, NOW)
    assert (line.level, line.body) == ("error", "check-in nightly: error")


def test_deploys_need_a_usable_release_and_environment() -> None:
    notice = deploys.parse({"environment": "prod", "url": "javascript:x"}, "shop@1", NOW, b"")
    assert (notice.release, notice.environment, notice.deployed_at, notice.url) == ("shop@1", "prod", NOW, None)
    for value, release in (({}, "r"), ({"environment": "a/b"}, "r"), ({"environment": "p"}, "latest"), ([], "r")):
        with pytest.raises(Malformed):
            deploys.parse(value, release, NOW, b"")


def test_a_transaction_fails_by_its_trace_status() -> None:
    assert transactions.parse({"contexts": {"trace": {"status": "internal_error"}}}, NOW).failed
    assert not transactions.parse({"contexts": {"trace": {"status": "ok"}}, "release": 5}, NOW).failed


def test_rate_limit_headers_have_sentrys_form() -> None:
    limits = [rate_limits.Limit(60, ("error", "default"), "key", "quota"), rate_limits.Limit(5, (), "org", "x")]
    assert rate_limits.headers(limits) == {
        "retry-after": "60",
        "x-sentry-rate-limits": "60:error;default:key:quota, 5::org:x",
    }


def test_a_window_admits_its_limit_each_minute_and_says_how_long_to_wait() -> None:
    window = rate_limits.Window(size=2)
    assert [window.admit("k", 30_000, 2, 5) for _ in range(3)] == [0, 0, 30]
    assert window.admit("k", 30_000, 1, 5) == 0
    assert window.admit("k", 60_000, 5, 5) == 0
    for other in "abc":
        window.admit(other, 60_000, 1, 5)
    assert len(window._counts) == 2


def test_a_dsn_is_taken_apart_and_put_together() -> None:
    found = dsn.parse("https://key:secret@sentry.example:8443/sub/42")
    assert (found.public_key, found.host, found.port, found.path, found.project_id) == (
        *("key", "sentry.example", 8443, "/sub", "42"),
    )
    assert dsn.of("http://localhost:8790/", "k", 7) == "http://k@localhost:8790/7"
    for bad in ("", "x", "ftp://k@h/1", "http://h/1", "http://k@h", "http://k@h:99999/1", "http://[::1/1"):
        with pytest.raises(Malformed):
            dsn.parse(bad)


def test_old_store_bodies_are_base64_and_perhaps_zlib(shared_data: Path) -> None:
    (vector,) = json.loads((shared_data / "sentry/wire/envelope_vectors.json").read_text())["store_bodies"]
    event = json.loads(store_body.decode(vector["body"].encode()))
    assert sorted(event) == vector["decoded_keys"]
    assert store_body.decode(b' {"a":1}') == b' {"a":1}'
    assert store_body.decode(base64.b64encode(b'{"a":1}')) == b'{"a":1}'
    with pytest.raises(Malformed):
        store_body.decode(b"not base64!")
    with pytest.raises(TooLarge):
        store_body.decode(base64.b64encode(zlib.compress(bytes(2 << 20))))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (NOW / 1000, NOW),
        ("2026-11-22T14:41:47Z", 1_795_358_507_000),
        ("2026-11-22T14:41:47", 1_795_358_507_000),
        ("2026-11-22T16:41:47.250+02:00", 1_795_358_507_250),
        ("2026-11-22 14:41:47", NOW),
        ("2026-11-22", NOW),
        (str(NOW // 1000), NOW),
        (NOW, NOW),
        (None, NOW),
        (True, NOW),
        (float("nan"), NOW),
        (NOW / 1000 + 61, NOW),
        (NOW / 1000 - 31 * 86_400, NOW),
    ],
)
def test_timestamps_are_read_and_clamped_as_relay_does(value: Any, wanted: int) -> None:
    assert parse_timestamp(value, NOW) == wanted


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["aggregates", "attrs", "release", "items", "body", "started", "discarded_events", "contexts"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
PARSERS: list[Callable[[Any], object]] = [
    lambda value: sessions.parse("sessions", value, NOW),
    lambda value: sessions.parse("session", value, NOW),
    client_reports.parse,
    lambda value: logs.parse(value, NOW, Marker(b"")),
    lambda value: logs.parse_check_in(value, NOW),
    lambda value: transactions.parse(value, NOW),
    lambda value: deploys.parse(value, "r", NOW, b""),
]


@given(anything)
def test_any_json_is_parsed_or_malformed(value: Any) -> None:
    for parse in PARSERS:
        try:
            parse(value)
        except Malformed:
            continue
