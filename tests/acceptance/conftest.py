"""The whole embedded stack, started as `premortem up` starts it, and clients for it."""

import hashlib
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from premortem import bootstrap
from premortem.domain.ids import TenantId
from premortem.embedded import stack
from premortem.sentry import dsn
from premortem.settings import Settings
from tests.maven import CACHE

HERE = Path(__file__).parent
HTTP = httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""One for all: a client reads every authority's certificate when it is made, which costs more than what it asks for."""


@dataclass
class Stack:
    """A running stack with one project and one token."""

    settings: Settings
    url: str
    dsn: str
    project: int
    token: str

    def incidents(self, **query: Any) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {self.token}"}
        answer = HTTP.get(f"{self.url}/incidents", params={"limit": 200, **query}, headers=headers)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["incidents"]
        return found

    def get(self, path: str) -> httpx.Response:
        return HTTP.get(f"{self.url}{path}", headers={"authorization": f"Bearer {self.token}"})

    def wait_for_incident(self, text: str, seconds: float = 90) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.incidents(text=text):
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no incident with {text!r} after {seconds} s: {self.incidents()}")


def started(directory: Path, **changes: Any) -> Stack:
    """Start a stack in `directory` and give it a project."""
    settings = Settings(data_dir=directory, http_port=0, postgres_port=0, clickhouse_port=0, **changes)
    stack.start(settings)
    key, token = secrets.token_hex(16), "pm_" + secrets.token_urlsafe(16)
    with bootstrap.administration(settings) as administration:
        project = administration.create_project(TenantId("default"), "acceptance", "Acceptance", key)
        digest = hashlib.sha256(token.encode()).hexdigest()
        administration.create_token(TenantId("default"), "acceptance", digest)
    url = bootstrap.public_url(settings)
    return Stack(settings, url, dsn.of(url, key, project.id), project.id, token)


class Stacks:
    """The stacks that files of tests share, by profile: to start one costs more than most of what is asked of it."""

    def __init__(self) -> None:
        self._running: dict[str, Stack] = {}
        self._directories: list[Path] = []

    def get(self, profile: str, directory: Path, **changes: Any) -> Stack:
        """Return the stack of a profile, started when it does not run."""
        if profile not in self._running:
            self._directories.append(directory)
            self._running[profile] = started(directory, **changes)
        return self._running[profile]

    def stop(self) -> None:
        """Stop them all."""
        self._running.clear()
        while self._directories:
            stack.stop(Settings(data_dir=self._directories.pop()))


_STACKS = pytest.StashKey[Stacks]()


@pytest.fixture(scope="session")
def stacks(request: pytest.FixtureRequest) -> Iterator[Stacks]:
    stacks = request.config.stash[_STACKS] = Stacks()
    yield stacks
    stacks.stop()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the shared stacks behind the last of these tests: at rest, too, they take their part of a processor."""
    if (nextitem is None or nextitem.path.parent != HERE) and _STACKS in item.config.stash:
        item.config.stash[_STACKS].stop()


@pytest.fixture(scope="module", params=["embedded", "full"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stacks: Stacks) -> Stack:
    """The stack as it is by default, and with its log in Apache Kafka and its tasks in SQS; files of tests share it."""
    changes = {} if request.param == "embedded" else full_profile(request)
    return stacks.get(request.param, tmp_path_factory.mktemp("stack") / "data", **changes)


def full_profile(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the settings that move the log to Kafka and the tasks to SQS, under names of this stack alone."""
    prefix = f"stack{secrets.token_hex(4)}-"
    return {
        "kafka_brokers": request.getfixturevalue("kafka_broker").address,
        "kafka_topic_prefix": prefix,
        "sqs_region": "eu-central-1",
        "sqs_endpoint": request.getfixturevalue("elasticmq").endpoint,
        "sqs_queue_prefix": prefix,
    }


@pytest.fixture(scope="session")
def old_sdk() -> Path:
    """A folder with sentry-sdk 1.45.1, installed once, outside the repository."""
    target = CACHE / "sentry-sdk-1.45.1"
    if not (target / "sentry_sdk").is_dir():
        lock = HERE / "sentry-sdk-1.45.lock"
        arguments = ["install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *arguments, "--target", str(target)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no package index: sentry-sdk 1.45.1 could not be installed: {done.stderr[-200:]}")
    return target


@pytest.fixture(scope="session")
def node_sdk() -> Path:
    """A folder with the real @sentry/node, installed once, outside the repository."""
    target = CACHE / "sentry-node"
    if not (target / "node_modules/@sentry/node").is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            (target / name).write_bytes((HERE / "node" / name).read_bytes())
        try:
            done = subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=target, capture_output=True, text=True
            )
        except FileNotFoundError:
            pytest.skip("no npm: @sentry/node could not be installed")
        if done.returncode:
            pytest.skip(f"no npm registry: @sentry/node could not be installed: {done.stderr[-200:]}")
    (target / "report.js").write_bytes((HERE / "node/report.js").read_bytes())
    return target
