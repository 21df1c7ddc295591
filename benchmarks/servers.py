"""Servers of their own for benchmarks: a migrated PostgreSQL, and Apache Kafka as the tests run it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from premortem.adapters.postgres import Pool, open_pool
from premortem.embedded.postgres import PostgresServer
from premortem.migrate import MIGRATIONS, migrate_postgres
from tests.kafka_fixture import KafkaBroker
from tests.maven import jars


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


@contextmanager
def running_broker(directory: Path) -> Iterator[str]:
    """Lend the address of the tests' broker, with its data in `directory`."""
    broker = KafkaBroker(directory / "kafka", jars("kafka"))
    broker.start()
    try:
        yield broker.address
    finally:
        broker.kill()
