"""Fixtures that many tests share: a real PostgreSQL, a fresh migrated database for each test, the shared data."""

import importlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from premortem.embedded.postgres import PostgresServer
from premortem.migrate import MIGRATIONS, migrate_postgres

# The same examples in every run, so that a change is judged by itself. Look for others now and then, with
# PREMORTEM_TEST_EXPLORE=1: what they find becomes a fix and a sentence of its own.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("PREMORTEM_TEST_EXPLORE") else "same")

_FIXTURES = ("clickhouse_fixture", "github_fixture", "kafka_fixture", "sqs_fixture")
_TEMPLATE = "migrated_template"
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    for name in _FIXTURES:
        if not config.pluginmanager.has_plugin(name):
            config.pluginmanager.register(importlib.import_module(f"tests.{name}"), name)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running server without fsync; its own database is `premortem`, empty."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with all migrations, to be copied by CREATE DATABASE ... TEMPLATE."""
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    migrate_postgres(postgres_server.dsn(_TEMPLATE), MIGRATIONS / "postgres")
    return _TEMPLATE


@pytest.fixture
def postgres_dsn(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The owner's DSN of a database of this test's own, with all migrations applied."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}".encode())
        yield postgres_server.dsn(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared facts and corpora beside the repository."""
    path = Path(__file__).parents[1].parent / "shared"
    if not path.is_dir():
        pytest.skip("the shared data is not beside the repository (../shared)")
    return path
