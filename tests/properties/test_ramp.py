"""Properties of the slow ramp: it may be packed anywhere, fed in another order, and its gaps closed at once."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.ramp import RING, Ramp, RampFinding

DAY = 20_000
COUNTS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 400), st.integers(0, 100_000)), min_size=1, max_size=60)
REPO = Path(__file__).parents[2]


def _feed(ramp: Ramp, day: int, count: int) -> RampFinding | None:
    found = ramp.judge(DEFAULT) if ramp.add(day, count) else None
    if found is not None:
        ramp.tell()
    return found


@given(COUNTS, st.integers(0, 60), st.integers(0, 6))
@settings(deadline=None)
def test_packing_anywhere_changes_nothing(counts: list[int], cut: int, phase: int) -> None:
    whole, ramp = Ramp(DAY + phase), Ramp(DAY + phase)
    for n, count in enumerate(counts):
        if n == cut:
            ramp = Ramp.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(ramp.pack())))
        assert _feed(ramp, DAY + phase + n, count) == _feed(whole, DAY + phase + n, count)
    assert ramp.pack() == whole.pack()


@given(st.lists(st.integers(0, RING - 1), min_size=1, max_size=80), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_events_within_the_ring_does_not_matter(days: list[int], random: object) -> None:
    shuffled = days[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = Ramp(DAY + days[0]), Ramp(DAY + shuffled[0])
    for day in days:
        first.add(DAY + day)
    for day in shuffled:
        second.add(DAY + day)
    assert first.pack() == second.pack()
    assert first.look(DEFAULT) == second.look(DEFAULT)


@given(COUNTS, st.integers(1, 100))
@settings(deadline=None)
def test_a_gap_closed_at_once_is_a_gap_closed_day_by_day(counts: list[int], gap: int) -> None:
    at_once, daily = Ramp(DAY), Ramp(DAY)
    for n, count in enumerate(counts):
        at_once.add(DAY + n, count)
        daily.add(DAY + n, count)
    end = DAY + len(counts) + gap
    for day in range(DAY, end):
        daily.close(day)
    at_once.add(end)
    daily.add(end)
    assert at_once.pack() == daily.pack()


@given(COUNTS)
@settings(deadline=None)
def test_only_a_call_can_fire_and_a_finding_has_passed_every_gate(counts: list[int]) -> None:
    ramp = Ramp(DAY)
    for n, count in enumerate(counts):
        found = _feed(ramp, DAY + n, count)
        if found is not None:
            assert all(gate.passed for gate in found.gates)
            assert found.ratio >= DEFAULT.ramp_ratio
            assert found.observed >= DEFAULT.ramp_least_events
            assert DAY <= found.onset // 86_400_000 < DAY + n


def test_another_hash_seed_gives_the_same_bytes() -> None:
    code = (
        "from premortem.domain.detection.ramp import Ramp; from premortem.domain.detection.config import DEFAULT\n"
        "r = Ramp(0)\n"
        "for n in range(50):\n"
        "    if r.add(n, int(50 * 1.1 ** max(0, n - 20))) and r.judge(DEFAULT): r.tell()\n"
        "print(r.pack(), r.look(DEFAULT))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=REPO,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(said) == 1
