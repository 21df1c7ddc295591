"""ClickHouse for tests: our server over the engine in a process of its own, a fresh migrated database for each test.

With PREMORTEM_TEST_CLICKHOUSE_URL (http://user:password@host:8123, of a user who may make databases) a server
is a second one, and what holds for both runs over both. Databases there are named `premortem_test_...` and dropped.
"""

import itertools
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from premortem.migrate import MIGRATIONS, migrate_clickhouse

_ROOT = Path(__file__).parents[1]
_START_SECONDS = 180
GIVEN = os.environ.get("PREMORTEM_TEST_CLICKHOUSE_URL", "")
_OURS, _THEIRS = "engine", "server"
_names = secrets.token_hex(4)
_numbers = itertools.count()


class ClickHouseProcess:
    """`python -m premortem.embedded.clickhouse` on a free port."""

    def __init__(self, path: Path, *, password: str = "", arguments: tuple[str, ...] = ()) -> None:
        module = ("-m", "premortem.embedded.clickhouse", f"--path={path}", "--port=0", *arguments)
        self.process = subprocess.Popen(
            [sys.executable, *module],
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "PREMORTEM_CLICKHOUSE_PASSWORD": password},
        )
        assert self.process.stdout
        watchdog = threading.Timer(_START_SECONDS, self.process.kill)
        watchdog.start()
        words = self.process.stdout.readline().split()
        watchdog.cancel()
        self.process.stdout.close()
        assert words, f"the server ended with {self.process.wait()}"
        self.url = f"{words[-1].replace('//', f'//default:{password}@')}/default"
        self.port = int(words[-1].rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for ClickHouse over both servers, when a second one is given; without it nothing is renamed."""
    ours_alone = metafunc.definition.get_closest_marker("engine_alone")
    if GIVEN and "clickhouse_url" in metafunc.fixturenames and not ours_alone:
        metafunc.parametrize("clickhouse_url", [_OURS, _THEIRS], indirect=True, scope="session")


@contextmanager
def database_on(url: str) -> Iterator[str]:
    """Lend the URL of a database without any table, on the server at `url`."""
    name = f"premortem_test_{_names}_{next(_numbers)}"
    with clickhouse_connect.get_client(dsn=url) as client:
        client.command(f"CREATE DATABASE {name}")
        yield f"{url.rpartition('/')[0]}/{name}"
        client.command(f"DROP DATABASE {name} SYNC")


@contextmanager
def migrated_on(url: str) -> Iterator[str]:
    """Lend the URL of a database with all migrations, on the server at `url`."""
    with database_on(url) as database:
        migrate_clickhouse(database, MIGRATIONS / "clickhouse")
        yield database


def given_url() -> str:
    """Return the URL of the server that was given, with the name of a database behind it."""
    return f"{GIVEN.rstrip('/')}/default" if GIVEN.rstrip("/").count("/") == 2 else GIVEN


@pytest.fixture(scope="session")
def clickhouse_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server, its database `default` empty; ours has no password."""
    if getattr(request, "param", _OURS) == _THEIRS:
        yield given_url()
        return
    server = ClickHouseProcess(tmp_path_factory.mktemp("clickhouse") / "engine")
    yield server.url
    assert server.stop() == 0


@pytest.fixture
def clickhouse_process() -> Iterator[type[ClickHouseProcess]]:
    """What starts a server of the test's own; whatever is left of them is killed."""
    started: list[ClickHouseProcess] = []

    class Started(ClickHouseProcess):
        def __init__(self, path: Path, **options: Any) -> None:
            super().__init__(path, **options)
            started.append(self)

    yield Started
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def clickhouse_empty_database(clickhouse_url: str) -> Iterator[str]:
    """The URL of a database of this test's own, without any table."""
    with database_on(clickhouse_url) as database:
        yield database


@pytest.fixture
def clickhouse_database(clickhouse_url: str) -> Iterator[str]:
    """The URL of a database of this test's own, with all migrations applied."""
    with migrated_on(clickhouse_url) as database:
        yield database
