"""Secrets are taken out of every place, in every notation; a mark says what was there."""

import copy
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.sentry.scrub import Marker, scrub
from premortem.sentry.scrub.text import redact
from tests.sentry.scrub_clean_text import CODE, PROSE
from tests.sentry.scrub_secrets import INNER, NOTATIONS, PASSWORDS, PLACES, TOKENS


def _left(value: Any, secret: str) -> bool:
    """Say whether `secret` can still be read in what was kept."""
    scrubbed, places = scrub(value)
    kept = orjson.dumps(scrubbed).decode()
    return secret in kept or orjson.dumps(secret).decode()[1:-1] in kept or places == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_known_by_its_look_is_taken_out_everywhere(kind: str, place: str) -> None:
    token = TOKENS[kind]
    for text in (token, f"could not use {token} here", f"value='{token}'", f"({token}),", f"x\n{token}\ny"):
        assert not _left(PLACES[place](text), INNER.get(kind, token)), text


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_named_secret_is_taken_out_everywhere(notation: str, place: str) -> None:
    for password in PASSWORDS:
        text = NOTATIONS[notation] % password
        assert not _left(PLACES[place](text), password), text


@pytest.mark.parametrize("text", PROSE + CODE)
def test_text_that_only_speaks_of_secrets_stays_as_it_is(text: str) -> None:
    for value in (
        {"message": text},
        {"exception": {"values": [{"type": "Error", "value": text}]}},
        {"breadcrumbs": {"values": [{"message": text}]}},
        {"exception": {"values": [{"stacktrace": {"frames": [{"context_line": text}]}}]}},
    ):
        scrubbed, places = scrub(copy.deepcopy(value))
        assert (scrubbed, places) == (value, 0)


_texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from([*PROSE, *CODE, *TOKENS.values()]),
    st.tuples(st.sampled_from(sorted(NOTATIONS)), st.sampled_from(PASSWORDS)).map(lambda t: NOTATIONS[t[0]] % t[1]),
)
_keys = st.one_of(
    st.text(max_size=12), st.sampled_from(["password", "key", "value", "headers", "env", "data", "cookies"])
)
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**19), 10**19), _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=20,
)


@given(_values)
def test_scrubbing_twice_changes_no_more_than_once(value: Any) -> None:
    once, _ = scrub(copy.deepcopy(value))
    twice, places = scrub(copy.deepcopy(once))
    assert (twice, places) == (once, 0)


@given(_values)
def test_the_shape_of_what_is_scrubbed_stays(value: Any) -> None:
    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return [shape(inner) for inner in node.values()]
        return [shape(inner) for inner in node] if isinstance(node, list) else None

    def smaller(now: Any, then: Any) -> bool:
        if now is None or then is None:
            return now is None  # a leaf stays a leaf; a whole that was taken out becomes one
        return len(now) == len(then) and all(map(smaller, now, then))

    assert smaller(shape(scrub(copy.deepcopy(value))[0]), shape(value))


@given(_values)
def test_an_equal_secret_has_an_equal_mark_under_the_same_salt(value: Any) -> None:
    first, places = scrub(copy.deepcopy(value), salt=b"one")
    assert scrub(copy.deepcopy(value), salt=b"one") == (first, places)


@pytest.mark.parametrize("unit", ["secret:", "?code=", "password=a.", "secret='"])
def test_a_long_text_of_names_and_no_secret_costs_no_more_than_its_length(unit: str) -> None:
    started = time.process_time()
    redact(unit * ((1 << 18) // len(unit)), Marker(b""))
    redact(unit * ((1 << 18) // len(unit)), Marker(b""), code=True)
    assert time.process_time() - started < 20  # a tenth of it is needed; minutes where each name looks at all the rest


def test_what_stands_under_names_of_packages_and_in_notes_of_the_event_is_no_place_for_secrets() -> None:
    secret = "hunter2-xK9qz"
    notes = {"rem": [["!config", "s", 0, 10]], "len": 20, "val": secret, "chunks": [{"text": secret}]}
    event = {
        "modules": {"django-cookies": "4.2.1", "google-auth": "2.0.0rc1", "secrets": secret},
        "_meta": {"password": secret, "user": {"token": {"": notes, "old": {"value": secret}}, "pin": 12345678}},
    }
    scrubbed, places = scrub(event)
    assert secret not in str(scrubbed)
    assert scrubbed["modules"] == {"django-cookies": "4.2.1", "google-auth": "2.0.0rc1", "secrets": "[Filtered:key]"}
    kept = scrubbed["_meta"]["user"]["token"][""]
    assert {name: kept[name] for name in ("rem", "len")} == {"rem": [["!config", "s", 0, 10]], "len": 20}
    assert (scrubbed["_meta"]["user"]["pin"], places) == ("[Filtered:key]", 6)


def test_a_token_is_no_name_of_a_package() -> None:
    token = TOKENS["github classic"]
    assert token not in str(scrub({"modules": {token: "1.0"}, "_meta": {"extra": {token: {"": {"len": 3}}}}})[0])
