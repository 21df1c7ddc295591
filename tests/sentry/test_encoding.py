"""Content encodings are undone within a limit, whatever the body claims."""

import gzip
import tracemalloc
import zlib

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from premortem.exceptions import Malformed
from premortem.sentry.encoding import TooLarge, decompress

COMPRESS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
LIMIT = 1 << 20


@pytest.mark.parametrize("name", COMPRESS)
def test_a_body_comes_back(name: str) -> None:
    body = b"hello world " * 5000
    assert decompress(COMPRESS[name](body), name.upper(), LIMIT) == body


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_body_is_a_clear_error(name: str, share: float) -> None:
    compressed = COMPRESS[name](bytes(range(256)) * 40)
    with pytest.raises(Malformed):
        decompress(compressed[: int(len(compressed) * share)], name, LIMIT)


@pytest.mark.parametrize("name", COMPRESS)
def test_bytes_behind_the_end_are_an_error(name: str) -> None:
    with pytest.raises(Malformed):
        decompress(COMPRESS[name](b"x" * 100) + b"junk", name, LIMIT)


@pytest.mark.parametrize("name", COMPRESS)
def test_a_bomb_costs_a_chunk_and_not_what_it_claims(name: str) -> None:
    bomb = COMPRESS[name](bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decompress(bomb, name, LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_several_gzip_members_are_one_body_and_raw_deflate_is_known() -> None:
    assert decompress(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", LIMIT) == b"ab"
    assert decompress(zlib.compress(b"raw")[2:-4], "deflate", LIMIT) == b"raw"


@pytest.mark.parametrize("name", ["gzip, br", "gzip,gzip", "lzma", "chunked", "x" * 500])
def test_nested_and_unknown_encodings_are_refused(name: str) -> None:
    with pytest.raises(Malformed, match="not known"):
        decompress(b"x", name, LIMIT)


def test_an_identity_body_is_bounded_too() -> None:
    assert decompress(b"abc", "", 3) == b"abc"
    with pytest.raises(TooLarge):
        decompress(b"abcd", "identity", 3)


@given(st.sampled_from(sorted(COMPRESS)), st.binary(max_size=200))
def test_any_bytes_end_in_a_body_or_in_one_of_two_exceptions(name: str, body: bytes) -> None:
    try:
        assert len(decompress(body, name, 1000)) <= 1000
    except (Malformed, TooLarge):
        pass
