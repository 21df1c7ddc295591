"""Clients are recognised by every form in which they present their key, and by no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.sentry.auth import AuthRejected, Credentials, combine, parse

KEY = "e12d836b15bb49d7bbf99e64295d995b"
DSN = f"https://{KEY}:@sentry.io/42"


def test_the_header_may_list_its_pairs_in_any_order() -> None:
    raven = f"Sentry sentry_timestamp=1, sentry_client=raven/6, sentry_version=6, sentry_key={KEY}, sentry_secret=s"
    assert parse({"x-sentry-auth": raven}, "") == Credentials(KEY, None, "raven/6", "6")
    assert parse({"authorization": f"SENTRY sentry_key={KEY},sentry_version=7"}, "") == Credentials(KEY, version="7")


def test_the_query_string_carries_a_key_too() -> None:
    found = parse({}, f"sentry_version=7&sentry_key={KEY}&sentry_client=sentry.javascript.node%2F11.12.0")
    assert found == Credentials(KEY, None, "sentry.javascript.node/11.12.0", "7")


def test_an_empty_or_foreign_header_counts_as_absent() -> None:
    assert parse({"x-sentry-auth": "", "authorization": "Bearer abc"}, "a=b") is None


def test_two_presentations_at_once_are_refused() -> None:
    with pytest.raises(AuthRejected, match="multiple") as caught:
        parse({"x-sentry-auth": f"Sentry sentry_key={KEY}"}, f"sentry_key={KEY}")
    assert caught.value.status == 401


@pytest.mark.parametrize("key", ["short", "é" * 32, "a" * 33, "a" * 31 + "!"])
def test_a_key_of_the_wrong_form_is_a_bad_request(key: str) -> None:
    with pytest.raises(AuthRejected) as caught:
        parse({"x-sentry-auth": f"Sentry sentry_key={key}"}, "")
    assert caught.value.status == 400


def test_a_tunnelled_envelope_is_known_by_its_own_dsn() -> None:
    assert combine(None, DSN, None) == Credentials(KEY, "42")


@pytest.mark.parametrize(
    ("credentials", "dsn", "project", "status"),
    [
        (None, None, "42", 401),
        (Credentials(KEY), None, None, 401),
        (Credentials(KEY), f"https://{KEY}@sentry.io/99", "42", 403),
        (Credentials(KEY), f"https://{'a' * 32}@sentry.io/42", "42", 403),
        (Credentials(KEY), "no dsn", "42", 400),
        (Credentials(KEY), None, "../1", 400),
        (Credentials(KEY), None, "9" * 40, 400),
    ],
)
def test_what_does_not_fit_together_is_rejected(
    credentials: Credentials | None, dsn: str | None, project: str | None, status: int
) -> None:
    with pytest.raises(AuthRejected) as caught:
        combine(credentials, dsn, project)
    assert caught.value.status == status


def test_request_and_envelope_that_agree_are_accepted() -> None:
    assert combine(Credentials(KEY), DSN, "42").project_id == "42"
    assert combine(Credentials(KEY), None, "42").project_id == "42"


@given(st.dictionaries(st.sampled_from(["x-sentry-auth", "authorization"]), st.text()), st.text(), st.text())
def test_any_text_is_credentials_or_a_rejection(headers: dict[str, str], query: str, dsn: str) -> None:
    try:
        combine(parse(headers, query), dsn, "1")
    except AuthRejected:
        pass
