"""Properties of the slow ramp: packed anywhere, fed in another order, its gaps closed at once, whole days summed."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.growth import QUARTER_MS, RampFinding, days, is_weekend, lumpiness
from premortem.domain.detection.ramp import RING, Ramp

START = 80_000
COUNT = st.one_of(st.integers(0, 3), st.integers(0, 400), st.integers(0, 100_000))
COUNTS = st.builds(
    lambda days, parts: [count for day in days for count in (day * part // 10 for part in parts)],
    st.lists(COUNT, min_size=1, max_size=50),
    st.permutations([1, 2, 3, 4]),
)
"""Of quarters of up to fifty days, most of them at the same time of the day."""
REPO = Path(__file__).parents[2]


def _feed(ramp: Ramp, quarter: int, count: int, held: bool = False) -> RampFinding | None:
    found = ramp.judge(DEFAULT, held) if ramp.add(quarter, count) else None
    if found is not None:
        (ramp.hold if held else ramp.tell)()
    return found


@given(COUNTS, st.integers(0, 200), st.integers(0, 27), st.integers(0, 200))
@settings(deadline=None)
def test_packing_anywhere_changes_nothing(counts: list[int], cut: int, phase: int, held: int) -> None:
    whole, ramp = Ramp(START + phase), Ramp(START + phase)
    for n, count in enumerate(counts):
        if n == cut:
            ramp = Ramp.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(ramp.pack())))
        quarter, is_held = START + phase + n, n < held
        assert _feed(ramp, quarter, count, is_held) == _feed(whole, quarter, count, is_held)
    assert ramp.pack() == whole.pack()


@given(st.lists(st.integers(0, RING - 1), min_size=1, max_size=80), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_events_within_the_ring_does_not_matter(quarters: list[int], random: object) -> None:
    shuffled = quarters[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = Ramp(START + quarters[0]), Ramp(START + shuffled[0])
    for quarter in quarters:
        first.add(START + quarter)
    for quarter in shuffled:
        second.add(START + quarter)
    assert first.pack() == second.pack()
    assert first.look(DEFAULT) == second.look(DEFAULT)


@given(COUNTS, st.integers(1, 400))
@settings(deadline=None)
def test_a_gap_closed_at_once_is_a_gap_closed_quarter_by_quarter(counts: list[int], gap: int) -> None:
    at_once, one_by_one = Ramp(START), Ramp(START)
    for n, count in enumerate(counts):
        at_once.add(START + n, count)
        one_by_one.add(START + n, count)
    end = START + len(counts) + gap
    for quarter in range(START, end):
        one_by_one.close(quarter)
    at_once.add(end)
    one_by_one.add(end)
    assert at_once.pack() == one_by_one.pack()


@given(COUNTS)
@settings(deadline=None)
def test_only_a_call_can_fire_and_a_finding_has_passed_every_gate(counts: list[int]) -> None:
    ramp = Ramp(START)
    for n, count in enumerate(counts):
        found = _feed(ramp, START + n, count)
        if found is not None:
            assert all(gate.passed for gate in found.gates)
            assert found.ratio >= DEFAULT.ramp_ratio
            assert found.observed >= DEFAULT.ramp_least_events
            assert START - 4 <= found.onset // QUARTER_MS < START + n


@given(COUNTS, st.integers(0, 27))
@settings(deadline=None)
def test_days_hold_what_their_quarters_hold_and_the_weekend_is_a_share_of_each(counts: list[int], phase: int) -> None:
    shown = days(counts, START + phase + len(counts))
    assert sum(shown.counts) == sum(counts)
    weekend = [n for n in range(len(counts)) if is_weekend((START + phase + n) // 4)]
    assert sum(shown.on_weekend) == sum(counts[n] for n in weekend)
    assert sum(shown.weekend) * 4 == len(weekend)
    assert all(0 <= part <= whole for part, whole in zip(shown.on_weekend, shown.counts))


@given(COUNTS, st.integers(2, 50))
@settings(deadline=None)
def test_growth_is_no_lumpiness(counts: list[int], times: int) -> None:
    steady = days(counts, START + len(counts))
    shown = len(steady.counts)
    alike = [count for _ in range(shown) for count in counts[-4:]]
    grown = [count * (times if n >= len(alike) - 12 else 1) for n, count in enumerate(alike)]
    before = lumpiness(days(alike, START), shown, DEFAULT)
    assert lumpiness(days(grown, START), shown, DEFAULT) <= before + 1e-9


def test_another_hash_seed_gives_the_same_bytes() -> None:
    code = (
        "from premortem.domain.detection.ramp import Ramp; from premortem.domain.detection.config import DEFAULT\n"
        "r = Ramp(0)\n"
        "for n in range(200):\n"
        "    if r.add(n, int(12 * 1.03 ** max(0, n - 80))) and r.judge(DEFAULT): r.tell()\n"
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
