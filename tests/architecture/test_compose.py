"""The container files say what the code is. No engine ran them here, so each claim is held against the code."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from premortem.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(params=sorted(COMPOSE["services"]))
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][request.param]
    return found


def test_every_image_is_pinned(service: dict[str, Any]) -> None:
    assert re.search(r":\d+\.\d+", service["image"])
    for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", base)


def test_nothing_runs_as_root_and_everything_is_bounded_and_watched(service: dict[str, Any]) -> None:
    assert int(service["user"]) > 0
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert re.search(r"^USER (?!root|0)\w+", DOCKERFILE, re.MULTILINE)


def test_every_setting_that_is_passed_exists(service: dict[str, Any]) -> None:
    passed = set(service["environment"]) | set(re.findall(r"(PREMORTEM_\w+)=", DOCKERFILE))
    assert passed
    assert passed <= {f"PREMORTEM_{name.upper()}" for name in Settings.model_fields}


def test_the_service_has_time_to_stop_and_its_volume_is_declared(service: dict[str, Any]) -> None:
    assert service["stop_grace_period"] == "15s"  # the supervisor ends everything in under 10
    for volume in service["volumes"]:
        name, target = volume.split(":")
        assert name in COMPOSE["volumes"]
        assert f"VOLUME {target}" in DOCKERFILE


def test_only_loopback_is_published(service: dict[str, Any]) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


def test_the_image_is_built_from_the_lock_that_make_uses_and_runs_a_module_that_exists() -> None:
    lock = re.search(r"^RUN_LOCK := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lock
    assert lock[1] in DOCKERFILE
    assert (ROOT / lock[1]).exists()
    command = re.search(r'^CMD \["python", "-m", "([\w.]+)"\]', DOCKERFILE, re.MULTILINE)
    assert command
    assert importlib.util.find_spec(f"{command[1]}.__main__")
    python = re.search(r"^FROM python:(\d+\.\d+)", DOCKERFILE, re.MULTILINE)
    assert python
    assert python[1] in ("3.11", "3.12")


def test_the_health_checks_ask_what_the_gateway_answers() -> None:
    for text in (DOCKERFILE, str(COMPOSE)):
        assert f":{Settings.model_fields['http_port'].default}/ready" in text
    assert '"/ready"' in (ROOT / "api" / "health.py").read_text()
