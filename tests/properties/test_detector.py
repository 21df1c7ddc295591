"""Properties of the detector: it may be stopped, restored and fed again anywhere, and says the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection import Detector, detect_all
from premortem.domain.detection.tail import SAFE, exact_limit, floor_limit, score
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import ProjectRecord, tick
from premortem.domain.timeline import encode
from tests.builders import NOW, error_seen
from tests.hash_seeds import written_under

MINUTE = 60_000


@st.composite
def logs(draw: st.DrawFn) -> list[ProjectRecord]:
    """Return a log of a few errors of two projects, with gaps, bursts, late and repeated events, ticks, and records
    that stand behind later ones.
    """
    now = NOW
    records: list[ProjectRecord] = []
    for n in range(draw(st.integers(1, 60))):
        now += draw(st.sampled_from([0, 0, 200, 1_000, 20_000, MINUTE, 10 * MINUTE, 3_600_000, 30 * 3_600_000]))
        if draw(st.integers(0, 9)) == 0:
            records.append(tick(now))
            continue
        hashes = draw(st.sampled_from([("a" * 32,), ("a" * 32, "b" * 32), ("b" * 32,), ("c" * 32,)]))
        records.append(
            error_seen(
                draw(st.sampled_from([n, n, n, max(0, n - 1)])),
                hashes=hashes,
                project_id=ProjectId(draw(st.integers(1, 2))),
                occurred_at=now - draw(st.sampled_from([0, 0, 0, 90_000, 3_600_000, 40 * 3_600_000])),
                received_at=now - draw(st.sampled_from([0, 0, 150, 499, 500, 5_000])),
                handled=draw(st.sampled_from([True, True, False])),
                user_hash=draw(st.sampled_from([None, "u", "v"])),
            )
        )
    return records


@given(logs(), st.lists(st.integers(0, 60), max_size=3))
@settings(max_examples=60, deadline=None)
def test_stopping_and_restoring_anywhere_changes_nothing(records: list[ProjectRecord], cuts: list[int]) -> None:
    expected = detect_all(enumerate(records))
    detector, facts, state = Detector(), [], {}
    for offset, record in enumerate(records):
        if offset in cuts:
            state.update(detector.changed())
            detector = Detector.restore(state)
        facts.extend(detector.observe(offset, record))
    assert [*facts, *detector.finish()] == expected
    state.update(detector.changed())
    assert state == _replayed(records).changed()


def _replayed(records: list[ProjectRecord]) -> Detector:
    detector = Detector()
    for offset, record in enumerate(records):
        detector.observe(offset, record)
    detector.finish()
    return detector


@given(logs(), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_redelivering_any_part_changes_nothing(records: list[ProjectRecord], again: int) -> None:
    numbered = list(enumerate(records))
    detector = Detector()
    facts = [fact for offset, record in [*numbered, *numbered[again:]] for fact in detector.observe(offset, record)]
    assert [*facts, *detector.finish()] == detect_all(numbered)
    assert detector.changed() == _replayed(records).changed()


@given(st.floats(1e-4, 1e4), st.floats(1.0001, 50), st.floats(2.7, 60), st.floats(0, 2))
@settings(max_examples=200, deadline=None)
def test_the_limit_is_the_smallest_count_that_fires(mean: float, spread: float, threshold: float, norm: float) -> None:
    variance = mean * spread
    limit = exact_limit(threshold, mean, variance, norm)
    assert score(limit, mean, variance, norm) >= threshold
    assert limit - 1 <= mean or score(limit - 1, mean, variance, norm) < threshold
    if threshold - norm >= SAFE:
        assert floor_limit(mean, variance) <= limit


_PROGRAM = """
import sys
from premortem.domain.detection import Detector
from premortem.domain.timeline import encode
from tests.builders import NOW, error_seen
detector = Detector()
for n in range(400):
    at = NOW + n * 7919 * (1 + n % 5)
    record = error_seen(n, hashes=(f"{n % 7:032x}", f"{n % 3 + 90:032x}"), occurred_at=at, received_at=at,
                        handled=n % 4 > 0)
    for fact in detector.observe(n, record):
        sys.stdout.buffer.write(encode(fact) + b"\\n")
for name, value in detector.changed().items():
    sys.stdout.buffer.write(name.encode() + value)
"""


def test_another_hash_seed_gives_the_same_bytes() -> None:
    outputs = written_under(("0", "1", "4242"), _PROGRAM)
    assert len(outputs) == 1
    assert len(next(iter(outputs))) > 1000
    assert encode(detect_all([(0, error_seen(1))])[0])
