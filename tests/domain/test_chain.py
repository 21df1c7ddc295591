"""The hash chain: what it binds, and what leaves it as it was."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.chain import lengthened, link
from tests.builders import incident

RECORDS = st.lists(st.binary(max_size=4), max_size=5)


def head(records: list[bytes]) -> str:
    chain = ""
    for record in records:
        chain = link(chain, record)
    return chain


def test_a_link_is_the_hash_over_the_head_before_and_the_record_each_with_its_length() -> None:
    first = link("", b"record")
    assert first == sha256(bytes(8) + (6).to_bytes(8, "big") + b"record").hexdigest()
    assert link(first, b"") == sha256((64).to_bytes(8, "big") + first.encode() + bytes(8)).hexdigest()


@given(RECORDS, RECORDS)
def test_two_timelines_have_the_same_head_only_when_they_hold_the_same_records(
    one: list[bytes], two: list[bytes]
) -> None:
    assert (head(one) == head(two)) == (one == two)


def test_a_fact_written_twice_is_linked_once_and_one_before_the_opening_never() -> None:
    opened = incident()
    assert lengthened("", None, opened, b"opened") == link("", b"opened")
    assert lengthened("a" * 64, opened, opened, b"opened") == "a" * 64
    assert lengthened("", None, None, b"grew") == ""


def test_a_chain_that_was_not_kept_from_the_opening_on_stays_unknown() -> None:
    opened = incident()
    assert lengthened("", opened, incident(title="grown"), b"grew") == ""
    assert lengthened("a" * 64, opened, incident(title="grown"), b"grew") == link("a" * 64, b"grew")
