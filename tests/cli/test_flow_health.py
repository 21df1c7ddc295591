"""`premortem flow-health` and `worker-health`: 0 while it works, 1 and what is wrong otherwise."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from premortem.adapters.streams.pulse import Pulse
from premortem.cli.application import app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREMORTEM_DATA_DIR", str(tmp_path))
    return tmp_path / "run"


def health(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["flow-health", *arguments])


def test_a_dataflow_that_works_is_healthy(run: Path) -> None:
    Pulse(run).read("detect")
    result = health("detect")
    assert result.exit_code == 0
    assert f"pid {os.getpid()} did something 0." in result.output
    assert [beat["pid"] for beat in json.loads(health("detect", "--json").output)] == [os.getpid()]


def test_a_dataflow_that_hangs_is_named_with_the_mend(run: Path) -> None:
    Pulse(run, lambda: time.monotonic_ns() - 200 * 10**9).read("detect")
    result = health("detect")
    assert result.exit_code == 1
    assert f"detect hangs: pid {os.getpid()} has done nothing for 200 s. Restart it" in str(result.output)
    assert health("detect", "--silent-seconds", "300").exit_code == 0


def test_a_dataflow_that_never_began_is_not_healthy(run: Path) -> None:
    Pulse(run).read("route")
    result = health("detect")
    assert result.exit_code == 1
    assert "no process of detect has read anything yet" in result.output


def test_an_unknown_dataflow_is_refused_with_the_names(run: Path) -> None:
    assert "There are: archive, detect, materialize, route." in health("detects").output


def test_a_worker_is_told_apart_from_dataflows_and_is_healthy_while_its_pulse_goes(run: Path) -> None:
    Pulse(run).read("detect")
    assert "no process of worker" in CliRunner().invoke(app, ["worker-health"]).output
    Pulse(run).read("worker")
    assert CliRunner().invoke(app, ["worker-health"]).exit_code == 0
    Pulse(run, lambda: time.monotonic_ns() - 200 * 10**9).read("worker")
    hung = CliRunner().invoke(app, ["worker-health"])
    assert (hung.exit_code, "worker hangs" in str(hung.output)) == (1, True)
