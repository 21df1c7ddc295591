"""PostgreSQL under the supervisor: killed from every side, it loses nothing and leaves nothing."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from premortem.embedded import postgres_paths
from tests.ports import free_port


@pytest.fixture
def port() -> int:
    return free_port()


def postgres(here: Path, port: int) -> str:
    """The stack's children, all but PostgreSQL and the step that migrates it left out."""
    settings = f"Settings(data_dir={str(here)!r}, postgres_port={port})"
    dsn = postgres_paths.dsn(here / "postgres", port)
    return (
        f"*[child for child in embedded_children({settings}, {{'PREMORTEM_POSTGRES_DSN': {dsn!r}}}, frozenset())"
        " if child.name.startswith('postgres')]"
    )


def note(here: Path, port: int, text: str) -> None:
    with psycopg.connect(postgres_paths.dsn(here / "postgres", port)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (note text)")
        connection.execute("INSERT INTO notes VALUES (%s)", (text,))


def notes(here: Path, port: int) -> list[str]:
    with psycopg.connect(postgres_paths.dsn(here / "postgres", port)) as connection:
        return [text for (text,) in connection.execute("SELECT note FROM notes ORDER BY 1").fetchall()]


def test_it_survives_every_kill_and_stops_cleanly(stage: Any, port: int) -> None:
    here, cluster = stage.here, stage.here / "postgres" / "server" / "cluster"
    supervisor = stage.supervise(postgres(here, port))
    stage.eventually(lambda: stage.child("postgres-schema").state == "done")
    note(here, port, "1 before the postmaster was killed")

    first = stage.running("postgres")
    os.kill(first, signal.SIGKILL)
    stage.eventually(lambda: stage.child("postgres").pid not in (first, None))
    second = stage.running("postgres")
    note(here, port, "2 before the supervisor was killed")

    supervisor.kill()
    supervisor.wait()
    stage.eventually(lambda: postgres_paths.running_servers(cluster) == {})
    assert not stage.lives(second)

    supervisor = stage.supervise(postgres(here, port))
    stage.running("postgres")
    note(here, port, "3 before both were killed")
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(stage.running("postgres"), signal.SIGKILL)
    supervisor.wait()

    supervisor = stage.supervise(postgres(here, port))
    stage.running("postgres")
    assert [text[0] for text in notes(here, port)] == ["1", "2", "3"]

    started = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert time.monotonic() - started < 20
    assert postgres_paths.running_servers(cluster) == {}
    assert "database system is shut down" in (here / "logs" / "postgres.log").read_text().splitlines()[-1]
