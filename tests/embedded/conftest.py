"""A stage for the supervisor: small programs as children, the supervisor in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from premortem.embedded import status

_ROOT = Path(__file__).parents[2]
_PROGRAM = """
import logging, sys
from pathlib import Path
from premortem.embedded.child import Child
from premortem.embedded.children import embedded_children
from premortem.embedded.supervisor import Supervisor
from premortem.settings import Settings
logging.basicConfig(level="INFO")
here = Path(sys.argv[1])
Supervisor([{children}], here / "logs", here / "status.json").run()
"""


def eventually(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Tell whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Stage:
    """Programs in a folder, a supervisor over them."""

    eventually = staticmethod(eventually)
    lives = staticmethod(lives)

    def __init__(self, here: Path) -> None:
        self.here = here
        (here / "logs").mkdir()
        self._supervisors: list[subprocess.Popen[bytes]] = []

    def program(self, name: str, source: str) -> None:
        (self.here / f"{name}.py").write_text(source)

    def supervise(self, children: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a supervisor over the children, given as Python text."""
        program = _PROGRAM.format(children=children)
        with (self.here / "logs" / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-c", program, str(self.here)],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{_ROOT}{os.pathsep}{self.here}",
                    "STAGE": str(self.here),
                    **environment,
                },
                cwd=self.here,
                stderr=log,
            )
        self._supervisors.append(supervisor)
        return supervisor

    def child(self, name: str) -> status.ChildStatus:
        for child in status.read(self.here / "status.json", self._supervisors[-1].pid):
            if child.name == name:
                return child
        return status.ChildStatus(name, "waiting")

    def running(self, name: str) -> int:
        """Wait until the child runs and return its pid."""
        self.eventually(lambda: self.child(name).state == "running" and self.child(name).pid is not None)
        pid = self.child(name).pid
        assert pid
        return pid

    def close(self) -> None:
        for supervisor in self._supervisors:
            if supervisor.poll() is None:
                supervisor.send_signal(signal.SIGTERM)
                supervisor.wait(60)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()
