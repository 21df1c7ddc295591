"""The bench of the spike scan drives the class of the dataflow, and says in one line when it cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.detection_quality import bench_at, scores
from benchmarks.scan_scores import scores_of_key

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
