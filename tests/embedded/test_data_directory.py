"""The data directory: one version, one owner, remembered ports and secrets."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from premortem.embedded import data_directory
from premortem.exceptions import Conflict

_HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom premortem.embedded import data_directory\n"
    "with data_directory.hold(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(1000)\n"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "data"
    data_directory.prepare(path)
    return path


def test_it_is_closed_to_others(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_preparing_it_again_changes_nothing(directory: Path) -> None:
    data_directory.make_secret(directory, "token")
    secret = data_directory.secret(directory, "token")
    data_directory.prepare(directory)
    data_directory.make_secret(directory, "token")
    assert data_directory.secret(directory, "token") == secret


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(Conflict, match=r"something else \(thesis.doc\)"):
        data_directory.prepare(tmp_path)


def test_a_newer_layout_is_refused_with_the_mend(directory: Path) -> None:
    (directory / "VERSION").write_text("2\n")
    with pytest.raises(Conflict, match=r"newer Premortem \(layout 2, this one knows 1\)\. Run that version"):
        data_directory.prepare(directory)


def test_an_older_layout_is_refused_with_the_mend(directory: Path) -> None:
    (directory / "VERSION").write_text("0\n")
    with pytest.raises(Conflict, match=r"old layout 0.*upgrade"):
        data_directory.prepare(directory)


def test_a_damaged_version_is_refused(directory: Path) -> None:
    (directory / "VERSION").write_text("")
    with pytest.raises(Conflict, match="damaged"):
        data_directory.prepare(directory)


def test_a_path_that_cannot_be_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Conflict, match="cannot be used"):
        data_directory.prepare(tmp_path / "file" / "data")


def test_a_second_owner_is_told_the_pid_of_the_first_and_a_killed_owner_owns_nothing(directory: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(directory)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert holder.stdout
    holder.stdout.readline()
    try:
        assert data_directory.owner(directory) == holder.pid
        with (
            pytest.raises(Conflict, match=f"in use by pid {holder.pid}. Stop that one"),
            data_directory.hold(directory, patience_seconds=0.05),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    assert data_directory.owner(directory) is None
    with data_directory.hold(directory):
        assert data_directory.owner(directory) == os.getpid()


def test_a_folder_that_was_never_prepared_has_no_owner_and_no_ports(tmp_path: Path) -> None:
    assert data_directory.owner(tmp_path / "absent") is None
    assert data_directory.ports(tmp_path / "absent") == {}
    assert data_directory.secret(tmp_path / "absent", "token") is None


def test_a_free_port_is_chosen_once_and_remembered(directory: Path) -> None:
    chosen = data_directory.remember_ports(directory, {"http_port": 0, "postgres_port": 4711})
    assert chosen["http_port"] > 1023
    assert chosen["postgres_port"] == 4711
    assert data_directory.remember_ports(directory, {"http_port": 0, "postgres_port": 4712}) == {
        "http_port": chosen["http_port"],
        "postgres_port": 4712,
    }
    assert data_directory.ports(directory)["postgres_port"] == 4712


def test_of_many_that_make_a_secret_at_once_all_read_the_same(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom premortem.embedded import data_directory\n"
        "sys.stdin.readline()\ndata_directory.make_secret(Path(sys.argv[1]), 'salt')\n"
        "print(data_directory.secret(Path(sys.argv[1]), 'salt'))\n"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "data")],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdin
        maker.stdin.write("go\n")
        maker.stdin.flush()
    assert len({maker.communicate(timeout=20)[0] for maker in makers}) == 1
    data_directory.prepare(tmp_path / "data")
    assert [file.name for file in (tmp_path / "data" / "secrets").iterdir()] == ["salt"]


def test_secrets_are_long_and_only_their_owner_can_read_them(directory: Path) -> None:
    data_directory.make_secret(directory, "token")
    file = directory / "secrets" / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text()) == 32
