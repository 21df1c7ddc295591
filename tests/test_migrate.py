"""The migrations runner, over a real PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from premortem.embedded.postgres import PostgresServer
from premortem.exceptions import Conflict, Malformed, Unavailable
from premortem.migrate import migrate_postgres, pending_postgres, read_migrations

Write = Callable[[str, str], None]
_numbers = count()


@pytest.fixture
def dsn(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database."""
    name = f"migrate_{next(_numbers)}"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgres_server.dsn(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, up: str) -> None:
        (tmp_path / name).write_text(f"-- migrate:up\n{up}\n\n-- migrate:down\nDROP TABLE never_run;\n")

    return write


def query(dsn: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_files_are_applied_once_and_in_order_and_named(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0002_more.sql", "INSERT INTO a VALUES (2);")
    write("0001_first.sql", "CREATE TABLE a (n int); INSERT INTO a VALUES (1);")
    told: list[tuple[str, str]] = []
    applied = migrate_postgres(dsn, tmp_path, lambda step, detail: told.append((step, detail)))
    assert applied == ["0001_first.sql", "0002_more.sql"]
    assert told == [("migrate", "0001_first.sql"), ("migrate", "0002_more.sql")]
    assert migrate_postgres(dsn, tmp_path) == []
    assert query(dsn, "SELECT n FROM a ORDER BY n") == [(1,), (2,)]
    assert query(dsn, "SELECT version FROM schema_migrations ORDER BY 1") == [("0001",), ("0002",)]


def test_what_is_pending_can_be_asked_without_changing_anything(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_first.sql", "CREATE TABLE a (n int);")
    assert pending_postgres(dsn, tmp_path) == ["0001_first.sql"]
    assert query(dsn, "SELECT to_regclass('schema_migrations') IS NULL") == [(True,)]
    migrate_postgres(dsn, tmp_path)
    write("0002_second.sql", "CREATE TABLE b (n int);")
    assert pending_postgres(dsn, tmp_path) == ["0002_second.sql"]


def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_good.sql", "CREATE TABLE a (n int);")
    write("0002_bad.sql", "CREATE TABLE b (n int); SELECT nonsense;")
    with pytest.raises(Conflict, match=r"0002_bad.sql failed: .*nonsense"):
        migrate_postgres(dsn, tmp_path)
    assert query(dsn, "SELECT to_regclass('a') IS NULL, to_regclass('b') IS NULL") == [(False, True)]
    write("0002_bad.sql", "CREATE TABLE b (n int);")
    assert migrate_postgres(dsn, tmp_path) == ["0002_bad.sql"]


def test_an_edited_file_that_was_applied_is_refused_by_name(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_first.sql", "CREATE TABLE a (n int);")
    migrate_postgres(dsn, tmp_path)
    write("0001_first.sql", "CREATE TABLE a (n bigint);")
    with pytest.raises(Conflict, match=r"0001_first.sql was edited after it was applied"):
        migrate_postgres(dsn, tmp_path)


def test_a_database_that_is_ahead_of_the_files_is_refused(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_first.sql", "SELECT 1;")
    write("0002_second.sql", "SELECT 1;")
    migrate_postgres(dsn, tmp_path)
    (tmp_path / "0002_second.sql").unlink()
    with pytest.raises(Conflict, match=r"0002.*newer Premortem"):
        migrate_postgres(dsn, tmp_path)


def test_what_dbmate_applied_is_taken_over_and_guarded_from_then_on(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_first.sql", "CREATE TABLE a (n int);")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
        connection.execute("INSERT INTO schema_migrations VALUES ('0001')")
    assert migrate_postgres(dsn, tmp_path) == []
    write("0001_first.sql", "CREATE TABLE a (n bigint);")
    with pytest.raises(Conflict, match="edited"):
        migrate_postgres(dsn, tmp_path)


def test_many_at_once_apply_each_file_once_even_one_that_builds_an_index_concurrently(
    dsn: str, tmp_path: Path, write: Write
) -> None:
    write("0001_first.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.2);")
    (tmp_path / "0002_index.sql").write_text(
        "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a_n ON a (n);\nINSERT INTO a VALUES (1);\n"
    )
    applied: list[str] = []
    threads = [threading.Thread(target=lambda: applied.extend(migrate_postgres(dsn, tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert applied == ["0001_first.sql", "0002_index.sql"]
    assert query(dsn, "SELECT count(*) FROM a") == [(1,)]


def test_a_lock_held_too_long_is_an_error_that_says_to_wait(dsn: str, tmp_path: Path, write: Write) -> None:
    write("0001_first.sql", "SELECT pg_sleep(4);")
    slow = threading.Thread(target=lambda: migrate_postgres(dsn, tmp_path))
    slow.start()
    while not query(dsn, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM"
                         " pg_database WHERE datname = current_database())"):  # fmt: skip
        pass
    with pytest.raises(Unavailable, match="Another migration"):
        migrate_postgres(dsn, tmp_path, lock_seconds=0.1)
    slow.join()


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Is it running"):
        migrate_postgres(f"postgresql:///x?host={tmp_path}", tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("first.sql", "-- migrate:up\n", "NNNN_what_it_does.sql"),
        ("0001_a.sql", "CREATE TABLE a (n int);", "needs one line `-- migrate:up`"),
        ("0001_a.sql", "-- migrate:down\n-- migrate:up\n", "needs one line `-- migrate:up`"),
        ("0001_a.sql", "-- migrate:up transaction:maybe\n", "unknown option transaction:maybe"),
    ],
)
def test_a_file_that_is_no_migration_is_malformed(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Malformed, match=words):
        read_migrations(tmp_path)


def test_two_files_of_one_version_are_refused(tmp_path: Path, write: Write) -> None:
    write("0001_a.sql", "SELECT 1;")
    write("0001_b.sql", "SELECT 1;")
    with pytest.raises(Conflict, match="same version"):
        read_migrations(tmp_path)


def test_the_order_is_by_number(tmp_path: Path, write: Write) -> None:
    write("10000_last.sql", "SELECT 1;")
    write("9999_before.sql", "SELECT 1;")
    assert [migration.version for migration in read_migrations(tmp_path)] == ["9999", "10000"]
