"""A store that hangs (it takes connections and never answers) holds up nobody who does not need it."""

import json
import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from premortem.embedded import stack
from premortem.sentry import dsn
from tests.acceptance.conftest import HTTP, Stack


@contextmanager
def hanging(running: Stack, name: str) -> Iterator[None]:
    """Freeze a child of the stack with all that it started."""
    (pid,) = [child.pid for child in stack.status(running.settings) if child.name == name]
    assert pid
    frozen = [pid, *_descendants(pid)]
    for each in frozen:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(frozen):
            os.kill(each, signal.SIGCONT)


def _descendants(pid: int) -> list[int]:
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return [each for child in children for each in (child, *_descendants(child))]


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def report(running: Stack, error: str, key: str | None = None) -> int:
    """Report an unhandled error of its own kind; return the status."""
    found = dsn.parse(running.dsn)
    frame = {"module": "shop", "function": error, "filename": "shop.py", "in_app": True}
    value = {"type": error, "value": "broken", "mechanism": {"type": "test", "handled": False}}
    event = json.dumps({"platform": "python", "exception": {"values": [{**value, "stacktrace": {"frames": [frame]}}]}})
    auth = {"x-sentry-auth": f"Sentry sentry_key={key or found.public_key}, sentry_version=7"}
    url = f"{running.url}/api/{running.project}/envelope/"
    return HTTP.post(url, content='{}\n{"type":"event"}\n' + event + "\n", headers=auth).status_code


def figures(running: Stack) -> dict[tuple[str, ...], float]:
    """Return what `/metrics` tells, lags added up over partitions."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(running.get("/metrics").text):
        for sample in family.samples:
            place = (sample.name, *(value for label, value in sample.labels.items() if label != "partition"))
            found[place] = found.get(place, 0) + sample.value
    return found


def wait_for(condition: str, check: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    assert callable(check)
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {condition}"
        time.sleep(0.1)


def test_a_clickhouse_that_hangs_holds_up_no_incident_and_the_archive_catches_up(running: Stack) -> None:
    archive_lag = ("premortem_dataflow_lag_records", "archive")
    with hanging(running, "clickhouse"):
        found = []
        for error in ("DiskFullError", "NoRouteError"):
            assert report(running, error) == 200
            found.append(running.wait_for_incident(error))
        assert figures(running)[archive_lag] >= 2
    wait_for("the archive catches up", lambda: figures(running)[archive_lag] == 0)
    for incident in found:
        assert running.get(incident["origin"].removeprefix(running.url)).status_code == 200


@pytest.mark.parametrize("running", ["full"], indirect=True)
def test_a_postgres_that_hangs_stalls_no_ingest_into_kafka(running: Stack) -> None:
    assert report(running, "WarmError") == 200
    running.wait_for_incident("WarmError")
    with hanging(running, "postgres"):
        begun, took = time.monotonic(), []
        while time.monotonic() - begun < 7 or len(took) < 20:  # longer than answers of the tables are fresh
            sent = time.monotonic()
            assert report(running, "LostError") == 200
            took.append(time.monotonic() - sent)
        assert statistics.median(took) < 0.7  # none but the first waits for the tables, which takes a second
        assert max(took) < 8
        sent = time.monotonic()
        assert report(running, "LostError", key="0" * 32) == 503
        assert figures(running)["premortem_part_up", "lags"] == 0
        assert time.monotonic() - sent < 20
    found = running.wait_for_incident("LostError", 120)
    wait_for(
        "every one is counted",
        lambda: figures(running).get(("premortem_dataflow_lag_records", "detect")) == 0,
    )
    assert found["status"] in ("detected", "investigating", "root_cause_proposed", "instrumentation_proposed")
