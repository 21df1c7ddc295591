"""`make demo` and `make demo-fix` show what they promise. The fix that helps is told in `test_mvp`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demonstration_opens_the_new_error_the_spike_and_the_hostile_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--stop", "--directory", str(tmp_path / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 incidents were opened" in done.stdout
    assert "KeyError: 'calendar'" in done.stdout
    assert "PaymentDeclinedError" in done.stdout
    assert "were expected" in done.stdout
    assert "review rejected" in done.stdout
    assert "Why it spoke: PaymentDeclinedError" in done.stdout
    assert "Why it stayed silent: stock answered slowly" in done.stdout
    assert "an error or worse" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "hunter2" not in done.stdout


def demo_fix(tmp_path: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "demo.fix", "--directory", str(tmp_path / "demo"), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=480,
        env={**os.environ, **environment},
    )


def test_a_fix_that_does_not_help_opens_the_incident_again_with_the_failure_as_evidence(tmp_path: Path) -> None:
    done = demo_fix(tmp_path, "--ineffective")
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, timeline = done.stdout.partition("The timeline")
    kinds = [line.split()[2] for line in timeline.splitlines()[1:] if line[:1].isdigit()]
    assert kinds == [
        "IncidentDetected", "ContextBuilt", "RootCauseProposed", "FixProposed", "PullRequestOpened", "FixApplied",
        "FixDeployed", "EvaluationCompleted", "IncidentReopened", "ContextBuilt",
    ]  # fmt: skip
    assert "open again: the fix was ineffective: The fix did not help." in timeline
    assert "(failed_fix): A fix that was ineffective" in done.stdout


def test_a_demonstration_that_cannot_go_on_says_why_in_one_line(tmp_path: Path) -> None:
    done = demo_fix(tmp_path, PATH="/nowhere")
    assert (done.returncode, done.stderr) == (
        1, "premortem demo-fix: git is not installed, and the shop's code is in a git repository.\n",
    )  # fmt: skip
