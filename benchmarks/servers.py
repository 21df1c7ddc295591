"""Servers of their own for benchmarks: a migrated PostgreSQL, and Apache Kafka as the tests run it."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from premortem.adapters.postgres import Pool, open_pool
from premortem.embedded.postgres import PostgresServer
from premortem.migrate import MIGRATIONS, migrate_postgres
from tests.kafka_fixture import KafkaBroker
from tests.maven import Missing, fetched


@contextmanager
def running_postgres(directory: Path, connections: int) -> Iterator[tuple[str, Pool]]:
    """Lend the DSN of a fresh migrated server, with its data in `directory`, and a pool of connections to it."""
    server = PostgresServer(directory / "postgres")
    server.start()
    try:
        migrate_postgres(server.dsn(), MIGRATIONS / "postgres")
        with closing(open_pool(server.dsn(), size=connections)) as pool:
            yield server.dsn(), pool
    finally:
        server.stop()


def broker(directory: Path) -> KafkaBroker:
    """Return the tests' broker, not started, with its data in `directory`; ends the program where there is none."""
    try:
        jars = fetched("kafka")
    except Missing as reason:
        print(f"left out: {' '.join(str(reason).split())}")
        sys.exit(0)
    return KafkaBroker(directory / "kafka", jars)


@contextmanager
def running_broker(directory: Path) -> Iterator[str]:
    """Lend the address of the tests' broker, with its data in `directory`."""
    started = broker(directory)
    started.start()
    try:
        yield started.address
    finally:
        started.kill()
