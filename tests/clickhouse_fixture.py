"""A real ClickHouse server of ours in a process of its own, and a fresh migrated database in it for each test."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from premortem.migrate import MIGRATIONS, migrate_clickhouse

_ROOT = Path(__file__).parents[1]
_START_SECONDS = 60
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
            return self.process.wait(10)
        finally:
            self.process.kill()


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server, without a password, its database `default` empty."""
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
    name = f"test_{next(_numbers)}"
    with clickhouse_connect.get_client(dsn=clickhouse_url) as client:
        client.command(f"CREATE DATABASE {name}")
        yield f"{clickhouse_url.rpartition('/')[0]}/{name}"
        client.command(f"DROP DATABASE {name} SYNC")


@pytest.fixture
def clickhouse_database(clickhouse_empty_database: str) -> str:
    """The URL of a database of this test's own, with all migrations applied."""
    migrate_clickhouse(clickhouse_empty_database, MIGRATIONS / "clickhouse")
    return clickhouse_empty_database
