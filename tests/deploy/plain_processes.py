"""Services of a compose file as plain processes: what the image holds, in a folder; no Docker engine."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.deploy.compose_file import ROOT, image_folders

_INHERITED = ("PATH", "LANG", "TMPDIR")


class PlainProcesses:
    """Runs commands in a copy of the image's folders, each with its own environment and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.image = directory, directory / "image"
        for folder in image_folders():
            shutil.copytree(ROOT / folder, self.image / folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, name: str, passed: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a service: the passed one, its own data directory, the image on Python's path."""
        kept = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        place = {"PYTHONPATH": str(self.image), "PREMORTEM_DATA_DIR": str(self.directory / name), "HOME": "/"}
        return {**kept, **passed, **place}

    def run(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            _here(words), env=dict(environment), cwd=self.image, capture_output=True, text=True, timeout=240
        )

    def start(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a service; its words go to a file that `words` returns."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                _here(words), env=dict(environment), cwd=self.image, stdout=log, stderr=log
            )

    def words(self, name: str) -> str:
        """Return what the service said last."""
        return (self.directory / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self, name: str, seconds: float) -> int:
        """End a service as an engine does, and return its exit code: SIGKILL's when it took longer than allowed."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def close(self) -> None:
        """Kill whatever still runs."""
        for process in self.running.values():
            process.kill()
            process.wait()


def eventually(healthy: Callable[[], subprocess.CompletedProcess[str]], seconds: float) -> None:
    """Wait until a health check passes; AssertionError with its last words."""
    deadline = time.monotonic() + seconds
    while True:
        done = healthy()
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, done.stdout + done.stderr
        time.sleep(0.5)  # to ask is to start an interpreter, which takes the time of what is waited for


class Healthy:
    """The health check of a service, as a command."""

    def __init__(self, processes: PlainProcesses, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.processes, self.words, self.environment = processes, words, environment

    def __call__(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run it, with further words."""
        return self.processes.run([*self.words, *more], self.environment)


def _here(words: Sequence[str]) -> list[str]:
    """Return the command with this interpreter in place of the image's."""
    return [sys.executable if word == "python" else word for word in words]
