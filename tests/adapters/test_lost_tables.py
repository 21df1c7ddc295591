"""Tables that were lost are made anew as the migrations had made them."""

import pytest

from premortem.adapters.checkpoint_store import postgres as checkpoint_store
from premortem.adapters.lost_tables import remake_tables
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.task_queue import postgres as task_queue

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_name = ANY (%s) ORDER BY table_name, column_name
"""
_STORAGE = """
SELECT attrelid::regclass::text, attname, attstorage::text FROM pg_attribute
WHERE attrelid::regclass::text = ANY (%s) AND attnum > 0 ORDER BY 1, 2
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = ANY (%s) ORDER BY indexname"
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text = ANY (%s) ORDER BY conname
"""
_RIGHTS = """
SELECT relname, pg_get_userbyid(relowner), relacl::text, relrowsecurity, relforcerowsecurity, reloptions, relpersistence
FROM pg_class WHERE relname = ANY (%s) ORDER BY relname
"""


def described(pool: Pool, names: list[str]) -> list[object]:
    with pool.connection() as connection:
        return [
            connection.execute(sql, [names]).fetchall() for sql in (_COLUMNS, _STORAGE, _INDEXES, _CONSTRAINTS, _RIGHTS)
        ]


@pytest.mark.parametrize(
    ("adapter", "names"),
    [
        (task_queue, ["task_ids", "tasks", "task_receipts"]),
        (checkpoint_store, ["checkpoints", "checkpoint_state"]),
    ],
    ids=["queues", "positions"],
)
def test_they_are_what_the_migrations_make_and_those_that_are_there_stay(
    postgres_dsn: str, adapter: object, names: list[str]
) -> None:
    pool = open_pool(postgres_dsn, size=1)
    file = str(adapter.__file__)  # type: ignore[attr-defined]
    before = described(pool, names)
    assert remake_tables(pool, file) == []
    with pool.connection() as connection:
        connection.execute(f"DROP TABLE {names[0]}, {names[1]} CASCADE".encode())
    assert remake_tables(pool, file) == names[:2]
    assert described(pool, names) == before
    pool.close()


def test_a_state_without_its_position_or_a_position_without_its_state_is_dropped_with_it(postgres_dsn: str) -> None:
    pool = open_pool(postgres_dsn, size=1)
    checkpoint_store.PostgresCheckpointStore(pool).save("detect", 0, 10, {"a": b"x"})
    with pool.connection() as connection:
        connection.execute("DROP TABLE checkpoint_state")
    assert checkpoint_store.remake(pool) == ["checkpoint_state"]
    assert checkpoint_store.PostgresCheckpointStore(pool).load("detect", 0).next_offset == 0
    pool.close()
