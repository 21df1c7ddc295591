"""The whole stack through the functions that the command line calls; gateway and dataflows are stand-ins."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from premortem.embedded import data_directory, stack
from premortem.exceptions import Conflict
from premortem.settings import Settings

_ROOT = Path(__file__).parents[2]
_API = """
import http.server, os
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["PREMORTEM_HTTP_PORT"])), Health).serve_forever()
"""
_DATAFLOWS = "import time\nprint('flowing', flush=True)\ntime.sleep(1000)\n"
_START = """
import sys
from pathlib import Path
from premortem.embedded import stack
from premortem.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]), http_port=0, postgres_port=0, clickhouse_port=0)
stack.start(settings, progress=lambda step, detail: print(step, detail, flush=True))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a stack in a folder of its own, on free ports; what was started is stopped."""
    settings = Settings(data_dir=tmp_path / "data", http_port=0, postgres_port=0, clickhouse_port=0)
    yield settings
    stack.stop(settings)


def foreground(settings: Settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "premortem.embedded"],
        env={**os.environ, **stack.environment(settings)},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.skipif(
    importlib.util.find_spec("premortem.embedded.clickhouse.__main__") is None,
    reason="there is no ClickHouse server to start",
)
def test_up_status_kill_down_and_up_again(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(_API)
    (tmp_path / "dataflows.py").write_text(_DATAFLOWS)

    def up() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _START, str(settings.data_dir)],
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    first = up()
    assert first.returncode == 0, first.stderr
    told = first.stdout.splitlines()
    assert told.index("postgres running") < told.index("postgres-schema done") < told.index("api running")
    assert {(child.name, child.state) for child in stack.status(settings)} == {
        (name, "running") for name in ("postgres", "clickhouse", "api", "dataflows", "worker")
    }
    names = {
        "api",
        "clickhouse",
        "clickhouse-schema",
        "dataflows",
        "postgres",
        "postgres-schema",
        "supervisor",
        "worker",
    }
    assert {file.stem for file in stack.log_files(settings)} == names

    second = up()
    owner = data_directory.owner(settings.data_dir)
    assert second.returncode != 0
    assert f"in use by pid {owner}" in second.stderr

    known = stack.resolve(settings)
    with psycopg.connect(known.postgres_dsn) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'kept' AS text")
    assert owner
    os.kill(owner, signal.SIGKILL)
    third = up()
    assert third.returncode == 0, third.stderr
    assert stack.resolve(settings) == known
    with psycopg.connect(known.postgres_dsn) as connection:
        assert connection.execute("SELECT text FROM note").fetchone() == ("kept",)

    started = time.monotonic()
    assert stack.stop(settings)
    assert time.monotonic() - started < 20
    assert not stack.stop(settings)
    assert stack.status(settings) == []


def test_another_layout_of_the_data_is_one_clear_line(settings: Settings) -> None:
    data_directory.prepare(settings.data_dir)
    (settings.data_dir / "VERSION").write_text("99\n")
    ended = foreground(settings)
    assert ended.returncode == 1
    assert ended.stderr.startswith("premortem: ")
    assert "written by a newer Premortem" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_named_by_its_setting(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = foreground(settings.model_copy(update={"clickhouse_port": port}))
    assert ended.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used (EADDRINUSE)" in ended.stderr
    assert "PREMORTEM_CLICKHOUSE_PORT" in ended.stderr


def test_start_in_the_background_passes_on_why_it_failed(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="PREMORTEM_HTTP_PORT"):
            stack.start(settings.model_copy(update={"http_port": port}))
    assert stack.status(settings) == []


def test_settings_are_filled_in_from_the_data_directory(settings: Settings) -> None:
    path = settings.data_dir
    data_directory.prepare(path)
    ports = data_directory.remember_ports(path, {"http_port": 0, "postgres_port": 0, "clickhouse_port": 0})
    data_directory.make_secret(path, stack.CLICKHOUSE_PASSWORD)
    resolved = stack.resolve(settings)
    assert resolved.http_port == ports["http_port"]
    assert resolved.postgres_dsn.startswith("postgresql:///premortem?host=")
    assert f"port={ports['postgres_port']}" in resolved.postgres_dsn
    password = data_directory.secret(path, stack.CLICKHOUSE_PASSWORD)
    assert resolved.clickhouse_url == f"http://default:{password}@127.0.0.1:{ports['clickhouse_port']}/default"
    assert stack.resolve(resolved) == resolved


def test_commands_find_a_stack_on_other_ports_than_the_default_ones_unless_they_are_told_a_port(tmp_path: Path) -> None:
    data_directory.prepare(tmp_path / "data")
    ports = data_directory.remember_ports(tmp_path / "data", dict.fromkeys(stack._PORTS, 0))
    found = stack.resolve(Settings(data_dir=tmp_path / "data"))
    assert {name: getattr(found, name) for name in ports} == ports
    assert stack.resolve(Settings(data_dir=tmp_path / "data", http_port=8790)).http_port == 8790
    assert stack.resolve(Settings(data_dir=tmp_path / "other")).http_port == 8790


def test_databases_of_ones_own_are_left_as_they_are_set(settings: Settings) -> None:
    own = settings.model_copy(update={"postgres_dsn": "postgresql://db/x", "clickhouse_url": "http://ch:8123/x"})
    resolved = stack.resolve(own)
    assert (resolved.postgres_dsn, resolved.clickhouse_url) == ("postgresql://db/x", "http://ch:8123/x")


def test_children_read_exactly_the_settings_that_the_stack_was_started_with(settings: Settings) -> None:
    chosen = settings.model_copy(update={"body_deadline_seconds": 2.5, "tick_seconds": 7, "http_host": "::1"})
    names = {name.removeprefix("PREMORTEM_").lower(): value for name, value in stack.environment(chosen).items()}
    assert Settings.model_validate(names) == chosen
