"""Which fingerprints are held as objects changes no answer; how many are is bounded for all projects together."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT, MINUTE_MS, rates
from premortem.domain.detection.fingerprints import AtHand, Fingerprints
from premortem.domain.detection.known import Known
from premortem.domain.detection.packing import pack, unpack
from premortem.domain.ids import Fingerprint

RATES = rates(DEFAULT)
START = 29_000_000


def _hashes(number: int) -> tuple[Fingerprint, ...]:
    return (Fingerprint(f"{number:032x}"),)


def _see(fingerprints: Fingerprints, number: int, minute: int) -> Known:
    known = fingerprints.find(_hashes(number))[1]
    if known is None:
        known = Known(minute * MINUTE_MS)
        fingerprints.add(_hashes(number), known)
    known.total += 1
    known.count(minute, "user", RATES, DEFAULT, lambda _: None)
    return known


def test_of_all_projects_together_only_so_many_are_held() -> None:
    at_hand = AtHand(5)
    projects = [Fingerprints(at_hand), Fingerprints(at_hand)]
    for number in range(20):
        for project in projects:
            _see(project, number, START + number)
        assert len(at_hand) <= 5
    assert [project.find(_hashes(0))[1] is not None for project in projects] == [True, True]
    assert projects[0].find(_hashes(20)) == (_hashes(20)[0], None)


def test_the_one_touched_longest_ago_goes_first() -> None:
    fingerprints = Fingerprints(AtHand(2))
    first, second = _see(fingerprints, 1, START), _see(fingerprints, 2, START)
    list(fingerprints.changed())
    for number, minute in ((1, START), (2, START), (1, START + 1), (2, START + 1)):
        _see(fingerprints, number, minute)
    list(fingerprints.changed())
    first = _see(fingerprints, 1, START + 2)
    _see(fingerprints, 3, START + 2)
    assert _see(fingerprints, 1, START + 2) is first
    assert _see(fingerprints, 2, START + 2) is not second


def test_one_that_is_only_remembered_is_packed_with_the_snapshot() -> None:
    at_hand = AtHand()
    fingerprints = Fingerprints(at_hand)
    for minute in range(3):
        _see(fingerprints, 1, START + minute)
    _see(fingerprints, 2, START)
    assert len(at_hand) == 2
    list(fingerprints.changed())
    assert len(at_hand) == 1
    assert _see(fingerprints, 2, START).total == 2


def test_state_of_another_format_is_refused_with_what_to_do() -> None:
    packed = msgspec.msgpack.decode(pack(Known(START)))
    with pytest.raises(ValueError, match="Reset `detect`"):
        unpack(msgspec.msgpack.encode([packed[0] - 1, *packed[1:]]), None)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 90), st.booleans()), max_size=80), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_how_many_are_held_changes_no_byte(visits: list[tuple[int, int, bool]], most: int) -> None:
    few, all_of_them = Fingerprints(AtHand(most)), Fingerprints()
    minute = START
    for number, ahead, takes_snapshot in visits:
        minute += ahead
        seen = [_see(each, number, minute) for each in (few, all_of_them)]
        assert seen[0].total == seen[1].total
        if takes_snapshot:
            assert dict(few.changed()) == dict(all_of_them.changed())
    assert dict(few.changed()) == dict(all_of_them.changed())
