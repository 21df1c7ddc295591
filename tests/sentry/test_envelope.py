"""Envelopes are read as Relay reads them."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.exceptions import Malformed
from premortem.sentry.envelope import parse


def test_every_vector_of_relay_is_read_alike(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "sentry/wire/envelope_vectors.json").read_text())["envelopes"]
    assert len(vectors) >= 15
    for vector in vectors:
        body = base64.b64decode(vector["body_b64"])
        if vector["expect"] == "malformed":
            with pytest.raises(Malformed):
                parse(body)
            continue
        wanted = [(item["type"], base64.b64decode(item["payload_b64"])) for item in vector["items"]]
        assert [(item.type, item.payload) for item in parse(body).items] == wanted, vector["name"]


@pytest.mark.parametrize("length", ["-1", "true", "1.0", '"3"', "99", "18446744073709551616"])
def test_a_length_that_is_no_number_of_bytes_there_is_malformed(length: str) -> None:
    with pytest.raises(Malformed):
        parse(b'{}\n{"type":"attachment","length":' + length.encode() + b"}\nabc")


def test_a_header_that_is_no_json_object_says_which() -> None:
    with pytest.raises(Malformed, match="envelope header"):
        parse(b"[]\n")
    with pytest.raises(Malformed, match="header of item 0"):
        parse(b"{}\nnope\n")
    with pytest.raises(Malformed, match="has no type"):
        parse(b"{}\n{}\n")


def test_more_items_than_allowed_are_malformed() -> None:
    body = b"{}\n" + b'{"type":"x"}\n1\n' * 3
    assert len(parse(body, max_items=3).items) == 3
    with pytest.raises(Malformed, match="more than 2"):
        parse(body, max_items=2)


def test_a_header_longer_than_allowed_is_malformed() -> None:
    with pytest.raises(Malformed, match="exceeds"):
        parse(b'{"x":"' + b"a" * 40_000 + b'"}\n')


def test_event_and_transaction_do_not_travel_together() -> None:
    with pytest.raises(Malformed, match="more than one"):
        parse(b'{}\n{"type":"event"}\n{}\n{"type":"transaction"}\n{}')


items = st.lists(st.tuples(st.sampled_from(["event_x", "log", "attachment"]), st.binary(max_size=60), st.booleans()))


@given(items, st.booleans())
def test_whatever_is_put_into_an_envelope_comes_out(content: list[tuple[str, bytes, bool]], final: bool) -> None:
    body = b"{}"
    for kind, payload, explicit in content:
        explicit = explicit or b"\n" in payload
        header = {"type": kind, **({"length": len(payload)} if explicit else {})}
        body += b"\n" + json.dumps(header).encode() + b"\n" + payload
    assert [(i.type, i.payload) for i in parse(body + b"\n" * final).items] == [(k, p) for k, p, _ in content]


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_malformed(body: bytes) -> None:
    try:
        parse(body)
    except Malformed:
        pass
