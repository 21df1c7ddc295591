"""`make demo` shows what it promises."""

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
        timeout=240,
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
