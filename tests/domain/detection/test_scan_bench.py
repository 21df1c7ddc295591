"""The bench of the spike scan drives the class of the dataflow, and says in one line when it cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.detection_quality import bench_at, scores
from benchmarks.scan_scores import Scan, scores_of_key
from premortem.domain.detection import known
from premortem.domain.timeline import IncidentDetected
from tests.domain.detection.stream import MINUTE, error, run

ROOT = Path(__file__).parents[3]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PREMORTEM_BENCH"}
    command = [sys.executable, "-m", "benchmarks.detection_quality", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_without_a_bench_it_is_left_out_in_one_line(tmp_path: Path) -> None:
    for done in (_run(), _run(str(tmp_path / "harness.py"), "--reps", "1")):
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("left out: no bench at ")
        assert done.stdout.count("\n") == 1


def test_a_bench_whose_libraries_are_absent_is_left_out_too(tmp_path: Path) -> None:
    bench = tmp_path / "harness.py"
    bench.write_text("import a_library_that_is_nowhere")
    assert _run(str(bench)).stdout == "left out: No module named 'a_library_that_is_nowhere'\n"


def test_a_module_that_a_bench_loads_by_its_path_spreads_over_processes() -> None:
    loaded = bench_at(ROOT / "benchmarks" / "detection_quality.py")
    counts = np.ones((3, 1500), np.int64)
    counts[1, 1400] = 60
    shown = loaded.scores(counts, 5, 0)
    assert shown.shape == counts.shape
    assert np.array_equal(shown, scores(counts, 5, 0))
    assert shown[1].argmax() == 1400
    assert shown[1, 1400] > 5


def test_what_a_recurring_peak_holds_back_ranks_below_any_threshold() -> None:
    counts = [60 if n % 288 == 40 else 1 for n in range(288 * 12)]
    shown = scores_of_key(counts, 5, 0)
    assert shown[288 * 11 + 40] == 1.5
    assert max(shown) > 5


def test_the_command_prints_the_benchs_tables_the_same_at_the_default_threshold_and_a_keys_first_fortnight() -> None:
    done = _run(str(Path(__file__).with_name("small_bench.py")), "--reps", "1")
    assert (done.returncode, done.stderr) == (0, "")
    accepted, _, title, _, head, rule, steady, every, five, one = done.stdout.splitlines()
    assert accepted == "accepted 2 keys of premortem.domain.detection.scan.Scan, highest score True"
    assert "default threshold 5" in title
    assert head.count("|") == rule.count("|") == steady.count("|") == every.count("|")
    assert steady.startswith("| steady keys | 0.0000 | nan |")
    assert every.startswith("| all keys | 0.0000 | nan | nan | 1.000 | 1.000 | 1.00 / 5 min |")
    assert five.startswith("first 14 days of 2 keys, buckets of 5 min, threshold 5: 0.")
    assert one.startswith("first 14 days of 2 keys, buckets of 1 min, threshold 5: 0.")


def test_the_class_that_is_measured_is_the_one_that_the_detector_counts_with_and_opens_in_the_same_minute() -> None:
    assert known.Scan is Scan
    counts = [1 if n % 31 == 0 else 0 for n in range(3 * 1_440)]
    counts[2_900:2_960] = [3] * 60
    start = 1_440 * 5_000  # a minute since 1970
    events = [error(n, (start + minute) * MINUTE + n, handled=True) for n, minute in
              enumerate(minute for minute, count in enumerate(counts) for _ in range(count))]  # fmt: skip
    opened = next(f for f in run(events) if isinstance(f, IncidentDetected) and f.decision.detector == "spike")
    shown = scores_of_key(counts, 1, (start - 96 * 60) % 10_080)
    assert opened.occurred_at // MINUTE - start == next(n for n, score in enumerate(shown) if score >= 5)
