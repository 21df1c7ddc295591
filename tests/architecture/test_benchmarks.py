"""Benchmarks that need Kafka say in one line that they are left out where it cannot be had, and stop no others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["kafka", "outage"])
def test_without_java_a_benchmark_of_kafka_is_left_out_in_one_line(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "left out: no Java: kafka cannot run (install a JRE 17 or newer)\n"
