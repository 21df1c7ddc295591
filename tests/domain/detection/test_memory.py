"""What a project remembers of its fingerprints: which hash is whose, exactly, and a value of each."""

import pytest

from premortem.domain.detection.memory import BLOCK, MOST_HASHES, Memory
from premortem.domain.detection.owners import Owners


def _hash(number: int) -> str:
    return f"{number:032x}"


def test_nobody_owns_a_hash_that_was_never_added() -> None:
    memory = Memory()
    memory.add([_hash(1)], b"")
    assert memory.find([_hash(2), "checkout"]) == -1


def test_the_first_hash_that_has_an_owner_decides() -> None:
    memory = Memory()
    memory.add([_hash(1)], b"one")
    memory.add([_hash(2)], b"two")
    assert memory.find([_hash(9), _hash(2), _hash(1)]) == 1


def test_a_fingerprint_is_named_by_its_first_hash_and_keeps_the_order_of_the_others() -> None:
    memory = Memory()
    memory.add([_hash(7), _hash(3), _hash(7)], b"v")
    assert (memory.name(0), memory.hashes(0), memory.get(0)) == (_hash(7), (_hash(7), _hash(3)), b"v")


def test_the_owner_adopts_only_hashes_without_an_owner() -> None:
    memory = Memory()
    memory.add([_hash(1)], b"one")
    memory.add([_hash(2)], b"two")
    memory.adopt(0, [_hash(1), _hash(2), _hash(3)])
    assert (memory.hashes(0), memory.hashes(1)) == ((_hash(1), _hash(3)), (_hash(2),))
    assert memory.find([_hash(3)]) == 0


def test_an_event_claims_the_hashes_that_come_with_a_known_one() -> None:
    memory = Memory()
    memory.add([_hash(1)], b"one")
    assert memory.claim([_hash(5), _hash(1)]) == 0
    assert memory.find([_hash(5)]) == 0
    assert memory.claim([_hash(6)]) == -1
    assert memory.find([_hash(6)]) == -1


def test_a_fingerprint_that_is_known_cannot_be_added_again_and_takes_nothing() -> None:
    memory = Memory()
    memory.add([_hash(1)], b"one")
    with pytest.raises(ValueError, match="no new fingerprint"):
        memory.add([_hash(1), _hash(2)], b"two")
    with pytest.raises(ValueError, match="no new fingerprint"):
        memory.add([], b"none")
    assert (len(memory), memory.find([_hash(2)])) == (1, -1)


def test_names_come_in_the_order_in_which_they_were_added() -> None:
    memory = Memory()
    for text in ("b", _hash(3), "a"):
        memory.add([text], b"")
    assert list(memory.names()) == ["b", _hash(3), "a"]


@pytest.mark.parametrize(
    "text",
    [
        "checkout",
        "",
        "Ä" * 32,
        "A" * 32,
        "0" * 31,
        "00 " * 10 + "00",  # 32 characters that bytes.fromhex takes for 11 bytes
        "\U0001f600" * 64,
        "\ud800",
    ],
)
def test_any_text_can_be_a_hash_beside_the_usual_ones(text: str) -> None:
    memory = Memory()
    memory.add([_hash(1), text], b"value")
    memory.put(0, b"other")
    again = Memory.restore(dict(memory.changed()))
    for each in (memory, again):
        assert (each.find([text]), each.find([_hash(1)])) == (0, 0)
        assert (each.hashes(0), each.get(0)) == ((_hash(1), text), b"other")


def test_capitals_are_another_hash() -> None:
    memory = Memory()
    memory.add(["ab" * 16], b"")
    assert memory.find(["AB" * 16]) == -1


def test_bytes_that_lie_across_two_entries_are_no_hash() -> None:
    owners = Owners()
    owners.add("11" * 16, 0x04030201)
    owners.add("22" * 16, 5)
    across = "11" * 12 + "01020304"
    assert owners.find(across) == -1
    owners.add(across, 6)
    assert owners.find(across) == 6


def test_hashes_that_differ_in_one_digit_stay_apart_while_buckets_are_split() -> None:
    owners = Owners()
    texts = [
        ("ab" * 16)[:place] + digit + ("ab" * 16)[place + 1 :] for place in range(32) for digit in "0123456789cdef"
    ]
    for index, text in enumerate(texts):
        owners.add(text, index)
    assert [owners.find(text) for text in texts] == list(range(len(texts)))
    assert (owners.find("ab" * 16), len(owners)) == (-1, len(texts))


def test_a_fingerprint_stops_adopting_at_some_thousands() -> None:
    memory = Memory()
    memory.add([_hash(0)], b"value")
    memory.adopt(0, [_hash(number) for number in range(MOST_HASHES + 5)])
    assert len(memory.hashes(0)) == MOST_HASHES
    assert (memory.find([_hash(MOST_HASHES - 1)]), memory.find([_hash(MOST_HASHES)])) == (0, -1)
    assert memory.get(0) == b"value"


def test_a_snapshot_holds_only_the_blocks_that_changed() -> None:
    memory = Memory()
    for number in range(3 * BLOCK):
        memory.add([_hash(number)], b"old")
    assert [name for name, _ in memory.changed()] == ["memory-0", "memory-1", "memory-2"]
    assert list(memory.changed()) == []
    memory.put(BLOCK, b"new")
    memory.put(0, b"old")  # the same value is no change
    memory.adopt(2 * BLOCK, [_hash(0)])  # nor is a hash that has an owner
    assert [name for name, _ in memory.changed()] == ["memory-1"]
    memory.adopt(0, [_hash(999)])
    assert [name for name, _ in memory.changed()] == ["memory-0"]


def test_a_restored_memory_goes_on_where_it_was() -> None:
    memory = Memory()
    for number in range(BLOCK + 1):
        memory.add([_hash(number), _hash(1000 + number)], str(number).encode())
    parts = dict(memory.changed())
    again = Memory.restore({**parts, "active": b"of another"})
    assert list(again.changed()) == []
    assert again.add([_hash(5000)], b"next") == BLOCK + 1
    assert [again.find([_hash(1000 + number)]) for number in range(BLOCK + 1)] == list(range(BLOCK + 1))
    parts.update(again.changed())
    assert list(Memory.restore(parts).names())[-1] == _hash(5000)


def test_a_snapshot_with_a_hole_is_refused() -> None:
    memory = Memory()
    for number in range(3 * BLOCK):
        memory.add([_hash(number)], b"")
    parts = dict(memory.changed())
    with pytest.raises(ValueError, match="a hole"):
        Memory.restore({"memory-0": parts["memory-0"], "memory-2": parts["memory-2"]})
