"""What a terminal shows while the log is read."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import time
from premortem.cli.progress import Reading
with Reading("Folding the timeline") as reading:
    time.sleep(0.15)
    for done in range(0, 2001, 500):
        reading(done, 2000)
        time.sleep(0.15)
"""


def shown(program: str) -> str:
    """Return what the program writes to a terminal."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # so a terminal ends whose other side is closed
            pass
    os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


def test_the_bar_shows_records_rate_and_time_left_from_before_anything_is_known() -> None:
    said = shown(_PROGRAM)
    for part in ("Folding the timeline", "of 2,000 records", "a second", "0:00:0"):
        assert part in said
