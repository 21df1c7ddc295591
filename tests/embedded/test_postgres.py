"""The embedded PostgreSQL, as a real server."""

import psycopg


def test_each_test_gets_a_database_of_its_own_with_pgvector(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone() == (1.0,)
