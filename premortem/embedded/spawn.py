"""Start one of our own modules as a process that dies with us, its words going to a file."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals

from premortem.embedded import launch

_ROOT = Path(__file__).parents[2]
"""The folder that holds our packages: a child finds them wherever it is started."""


def spawn(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    death_signal: Signals,
    niceness: int = 0,
) -> subprocess.Popen[bytes]:
    """Start `python -m module arguments...` in a session of its own, appending its output to `log`.

    With a `niceness` (0 to 19) it yields the processor to the others.

    Call it from a thread that lives as long as the child shall: the kernel sends `death_signal` when it ends.
    """
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    program = [sys.executable, "-m", module, *arguments]
    how = [str(int(death_signal)), str(os.getpid()), str(niceness)]
    with log.open("ab") as words:
        return subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-I", "-S", launch.__file__, *how, *program],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment, "PYTHONPATH": path},
        )
