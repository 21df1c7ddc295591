"""Properties of the memory of fingerprints: a plain dictionary would answer the same, also after any restarts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.memory import Memory

_TEXTS = [
    *(f"{1:016x}{low:016x}" for low in range(12)),  # the same first 64 bits
    *(f"{high:016x}{1:016x}" for high in range(12)),  # the same last 64 bits
    *("11" * 12 + "00000000", "00000000" + "11" * 12, "11" * 16, "0" * 32),  # what lies across entries looks like some
    *("a", "", "AB" * 16, "ab" * 16, "ab" * 15 + " a", "é" * 32, "x" * 64),
]
_HASHES = st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=4)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["see", "see", "see", "put", "look", "snapshot", "restart"]), _HASHES, st.binary(max_size=8)
    ),
    max_size=120,
)


class _Model:
    """The same in dictionaries."""

    def __init__(self) -> None:
        self.owners: dict[str, int] = {}
        self.hashes: list[list[str]] = []
        self.values: list[bytes] = []

    def find(self, hashes: list[str]) -> int:
        return next((self.owners[text] for text in hashes if text in self.owners), -1)

    def take(self, index: int, hashes: list[str]) -> None:
        for text in hashes:
            if text not in self.owners:
                self.owners[text] = index
                self.hashes[index].append(text)


@given(_STEPS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_plain_dictionary_answers_the_same_through_any_restarts(
    steps: list[tuple[str, list[str], bytes]], claims: bool
) -> None:
    memory, model, stored = Memory(), _Model(), dict[str, bytes]()
    for step, hashes, value in steps:
        found = model.find(hashes)
        if step == "see":
            assert (memory.claim(hashes) if claims else memory.find(hashes)) == found
            if found < 0:
                found = len(model.values)
                model.hashes.append([])
                model.values.append(value)
                assert memory.add(hashes, value) == found
            elif not claims:
                memory.adopt(found, hashes)
            model.take(found, hashes)
        elif step == "put" and found >= 0:
            model.values[found] = value
            memory.put(found, value)
        elif step == "look":
            assert memory.find(hashes) == found
        elif step != "put":
            stored.update(memory.changed())
            memory = Memory.restore(stored) if step == "restart" else memory
    _same(memory, model)
    stored.update(memory.changed())
    _same(Memory.restore(stored), model)
    assert stored == dict(_anew(model).changed())


def _same(memory: Memory, model: _Model) -> None:
    everyone = range(len(model.values))
    assert len(memory) == len(model.values)
    assert [memory.hashes(index) for index in everyone] == [tuple(each) for each in model.hashes]
    assert [memory.get(index) for index in everyone] == model.values
    assert list(memory.names()) == [each[0] for each in model.hashes]
    assert [memory.find([text]) for text in _TEXTS] == [model.owners.get(text, -1) for text in _TEXTS]


def _anew(model: _Model) -> Memory:
    memory = Memory()
    for hashes, value in zip(model.hashes, model.values, strict=True):
        memory.add(hashes, value)
    return memory


@given(st.lists(st.integers(0, 2**128 - 1), unique=True, max_size=400), st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_every_hash_of_many_is_found_and_no_other(numbers: list[int], kept: int) -> None:
    texts = [f"{number:032x}" for number in numbers]
    memory = Memory()
    for text in texts[:kept]:
        memory.add([text], b"")
    again = Memory.restore(dict(memory.changed()))
    expected = [index if index < kept else -1 for index in range(len(texts))]
    assert [memory.find([text]) for text in texts] == expected
    assert [again.find([text]) for text in texts] == expected
