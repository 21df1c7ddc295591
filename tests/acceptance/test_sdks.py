"""Real SDKs report errors, and they end as incidents that a person can read."""

import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk

from tests.acceptance.conftest import Stack

SECRET = "hunter2-" + "not-a-real-one"
_PYTHON = f"""
import sys
sys.path.insert(0, {{path!r}})
import sentry_sdk
sentry_sdk.init(dsn={{dsn!r}}, release="shop@{{release}}", environment="production",
                shutdown_timeout=60{{more}})
def price(order):
    password = "{SECRET}"
    return order["total"]
{{call}}
"""
_UNHANDLED = "price({})"


def python(tmp_path: Path, running: Stack, release: str, path: str = "") -> None:
    """Run a program that fails with an unhandled KeyError, reporting through the SDK in `path`."""
    program = tmp_path / f"program_{release}.py"
    program.write_text(
        _PYTHON.format(path=path, dsn=running.dsn, release=release, call=_UNHANDLED, more=", traces_sample_rate=1.0")
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=180)
    assert "KeyError" in done.stderr


def test_the_current_python_sdk(tmp_path: Path, running: Stack) -> None:
    python(tmp_path, running, "2.75")
    found = running.wait_for_incident("KeyError: 'total'")
    assert (found["release"], found["environment"]) == ("shop@2.75", "production")
    assert (found["severity"], found["handled"]) == ("high", False)
    assert "unhandled" in found["reason"]
    deadline = time.monotonic() + 90
    while (answer := running.get(found["origin"].removeprefix(running.url))).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    body = json.dumps(answer.json())
    assert "price" in body
    assert SECRET not in body
    facts = running.get(f"/incidents/{found['id']}/timeline").json()["facts"]
    assert [fact["kind"] for fact in facts][:1] == ["IncidentDetected"]


def test_a_python_sdk_of_2024_that_still_uses_the_store_endpoint(tmp_path: Path, running: Stack, old_sdk: Path) -> None:
    program = tmp_path / "old.py"
    call = "class OldClientError(Exception): pass\ndef fail():\n    raise OldClientError('from the past')\nfail()"
    program.write_text(_PYTHON.format(path=str(old_sdk), dsn=running.dsn, release="1.45", call=call, more=""))
    done = subprocess.run([sys.executable, "-W", "ignore", str(program)], capture_output=True, text=True, timeout=180)
    assert "OldClientError" in done.stderr
    assert running.wait_for_incident("OldClientError: from the past")["release"] == "shop@1.45"
    metrics = running.get("/metrics").text
    assert 'premortem_requests_total{endpoint="store",status="200"}' in metrics


def test_the_real_node_sdk(running: Stack, node_sdk: Path) -> None:
    done = subprocess.run(
        ["node", "report.js", running.dsn],
        cwd=node_sdk,
        capture_output=True,
        text=True,
        timeout=180,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    found = running.wait_for_incident("TypeError: Cannot read properties of undefined")
    assert (found["platform"], found["release"]) == ("node", "node-shop@3")


def _in_a_place_of_its_own(number: int, event: Any, _: Any) -> Any:
    event["environment"] = f"latency-{number}"
    return event


def test_a_new_error_is_an_incident_within_moments(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the median time from the SDK's flush to the incident on the read API; asserts no time."""
    sentry_sdk.init(dsn=running.dsn, release="latency@1", default_integrations=False, auto_session_tracking=False)
    times = []
    for number in range(11):
        namespace: dict[str, object] = {}
        exec(f"def fail_{number}():\n    raise ArithmeticError('latency {number}')", namespace)
        try:
            namespace[f"fail_{number}"]()  # type: ignore[operator]
        except ArithmeticError:
            with sentry_sdk.new_scope() as scope:
                scope.set_level("fatal")
                scope.add_event_processor(partial(_in_a_place_of_its_own, number))  # else all would be one incident
                sentry_sdk.capture_exception()
        sentry_sdk.flush(60)
        begun = time.monotonic()
        running.wait_for_incident(f"latency {number}")
        times.append(time.monotonic() - begun)
    sentry_sdk.get_client().close()
    with capsys.disabled():
        print(f"\nacceptance to incident on the read API: median {statistics.median(times) * 1000:.0f} ms of 11")
    assert len(times) == 11
