"""What decides in CI: a test that was skipped, and a suite that missed an adapter, are failures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPPED = '<testcase classname="tests.a" name="test_b"><skipped message="no Java: kafka cannot run"/></testcase>'
ALLOWED = '<testcase classname="tests.a" name="test_b"><skipped message="only root can give up root"/></testcase>'


def judged(tmp_path: Path, cases: str, *options: str) -> tuple[int, str]:
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    command = [sys.executable, str(ROOT / ".ci/verify_report.py"), *options, str(report)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_skip_that_is_not_allowed_is_a_failure_that_says_its_reason(tmp_path: Path) -> None:
    code, words = judged(tmp_path, SKIPPED, "--skips")
    assert (code, words) == (1, "skipped: tests.a.test_b: no Java: kafka cannot run\n")
    assert judged(tmp_path, ALLOWED, "--skips") == (0, "1 tests ran, and nothing was skipped\n")


def test_behind_all_tests_a_suite_that_missed_an_adapter_is_a_failure_too(tmp_path: Path) -> None:
    code, words = judged(tmp_path, ALLOWED)
    assert code == 1
    assert "conformance suite test_event_log did not run over kafka]" in words
