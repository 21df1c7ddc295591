"""JSON from outside is parsed within limits and is safe to keep."""

import math
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.exceptions import Malformed
from premortem.sentry.json_body import CUT_MARK, TooLarge, loads


def test_what_python_clients_send_and_json_forbids_is_taken() -> None:
    assert loads(b'{"a": NaN, "b": -Infinity, "c": 1}') == {"a": None, "b": None, "c": 1}


def test_lone_surrogates_and_broken_utf8_become_the_replacement_character() -> None:
    assert loads(rb'{"a": "x\ud800y"}') == {"a": "x�y"}
    assert loads(b'{"a": "x\xff"}') == {"a": "x�"}


def test_characters_that_break_or_mislead_others_are_replaced() -> None:
    assert loads(rb'["a\u0000b", "c\u202ed", "e\u200bf", "g\u001b[31m", "\ufeff"]') == [
        "a�b",
        "c�d",
        "e�f",
        "g�[31m",
        "�",
    ]
    assert loads('["a\u202eb", "\u2066x"]'.encode()) == ["a�b", "�x"]
    assert loads(rb'{"k\u0000": 1}') == {"k�": 1}


def test_line_ends_and_emoji_stay() -> None:
    assert loads(rb'["a\nb\tc\r", "\ud83d\ude00"]') == ["a\nb\tc\r", "😀"]


def test_a_long_string_is_cut_with_a_mark() -> None:
    value = loads(orjson.dumps({"a": "x" * 100_000}))["a"]
    assert len(value) == 65_536
    assert value.endswith(CUT_MARK)


def test_numbers_beyond_64_bits_become_floats() -> None:
    assert loads(b"[12345678901234567890123]") == [1.2345678901234568e22]
    assert math.isfinite(loads(b"[1" + b"0" * 5000 + b"]")[0])


def test_deep_nesting_is_malformed_and_brackets_in_strings_are_not_nesting() -> None:
    with pytest.raises(Malformed, match="deeper"):
        loads(b"[" * 65 + b"]" * 65)
    with pytest.raises(Malformed):
        loads(b'{"a":' * 100_000)
    assert loads(orjson.dumps(["[" * 500])) == ["[" * 500]


def test_too_many_values_are_refused() -> None:
    with pytest.raises(TooLarge):
        loads(orjson.dumps(list(range(20_002))))
    assert len(loads(orjson.dumps(["," * 60_000]))) == 1


@pytest.mark.parametrize("body", [b"", b"nope", b"[1,]", b"{", b'{"a":}', b"\xef\xbb\xbf{}", b'"unended'])
def test_what_is_not_json_is_malformed_with_a_reason(body: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        loads(body)


@pytest.mark.parametrize("piece", [b'\\"', b'"', b"[", b'"\\', b'{"a":', b"\\"])
def test_hostile_repetition_costs_linear_time(piece: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises((Malformed, TooLarge)):
        loads(b'"' + piece * 300_000)
    assert time.perf_counter() - started < 5  # quadratic would be hours


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_clean_json_comes_back_as_it_is(value: Any) -> None:
    assert loads(orjson.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(body: bytes) -> None:
    try:
        value = loads(body)
    except (Malformed, TooLarge):
        return
    orjson.dumps(value)
