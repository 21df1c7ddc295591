"""A command in a tree has the tree as its whole world: no network, nothing else to write, no secret, no survivor."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from premortem.adapters.source_code import confined


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


def _python(
    tree: Path, program: str, *, seconds: float = 20, memory_mb: int = 256, hidden: tuple[Path, ...] = ()
) -> str:
    ran = confined.run(tree, ["python3", "-c", program], seconds=seconds, memory_mb=memory_mb, hidden=hidden)
    assert ran.isolated
    return ran.output.strip() if ran.code == 0 else f"{ran.code}: {ran.output}"


def test_there_is_a_loopback_of_its_own_and_no_other_network(tree: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        program = f"""
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), 5)
for address in (("127.0.0.1", {ours.getsockname()[1]}), ("192.0.2.1", 80)):
    try:
        socket.create_connection(address, 5)
        print("reached", address)
    except OSError as problem:
        print(problem.strerror)
print(sorted(name for _, name in socket.if_nameindex()))
"""
        said = _python(tree, program)
    assert "reached" not in said
    assert said.splitlines()[-1] == "['lo']"


def test_only_the_tree_can_be_written_to(tree: Path) -> None:
    ours = str(Path(confined.__file__).with_name("x"))
    program = f"""
import pathlib
for path in ({str(tree.parent / "x")!r}, "/etc/x", "/usr/x", {ours!r}, "/dev/shm/x", "/tmp/x", "x"):
    try:
        pathlib.Path(path).write_text("x")
        print("wrote", path)
    except OSError:
        pass
"""
    written = [line.split()[1] for line in _python(tree, program).splitlines()]
    assert {"/etc/x", "/usr/x", ours}.isdisjoint(written)
    assert "x" in written
    assert (tree / "x").read_text() == "x"
    assert not any(Path(path).exists() for path in (tree.parent / "x", "/tmp/x", "/dev/shm/x"))


def test_what_is_hidden_looks_empty_and_stays_so(tree: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "secrets", tmp_path / "secret.env"
    folder.mkdir()
    (folder / "key").write_text("s3cr3t")
    file.write_text("s3cr3t")
    program = f"""
import os, subprocess
for words in (["umount", {str(folder)!r}], ["umount", "-l", "/tmp"], ["mount", "-o", "remount,rw", "/"],
              ["unshare", "-m", "true"], ["nsenter", "-t", "1", "-m", "true"]):
    print(subprocess.run(words, capture_output=True).returncode == 0)
print(os.path.exists({str(folder / "key")!r}), os.path.exists({str(file)!r}) and open({str(file)!r}).read())
print([name for name in os.environ if "SECRET" in name or "TOKEN" in name])
"""
    os.environ["A_SECRET_TOKEN"] = "s3cr3t"
    try:
        said = _python(tree, program, hidden=(folder, file)).split("\n")
    finally:
        del os.environ["A_SECRET_TOKEN"]
    assert said[:3] == ["False"] * 3
    assert said[4] == "False"
    assert said[5] in ("False False", "False ")
    assert said[6] == "[]"


def test_an_interpreter_and_code_of_ours_that_lie_where_all_is_hidden_stay_to_be_read(tree: Path) -> None:
    ours = Path(confined.__file__).resolve()
    root = ours.parents[3]
    program = f"""
import pathlib
print(pathlib.Path({str(ours)!r}).is_file(), sorted(path.name for path in pathlib.Path({str(root)!r}).iterdir()))
try:
    pathlib.Path({str(ours.with_name("x"))!r}).write_text("x")
except OSError as problem:
    print(problem.strerror)
"""
    ran = confined.run(tree, [sys.executable, "-c", program], seconds=20, memory_mb=256, hidden=(root,))
    prefix = Path(sys.prefix).resolve()
    shown = {"premortem", *(prefix.relative_to(root).parts[:1] if prefix.is_relative_to(root) else ())}
    assert ran.output.splitlines() == [f"True {sorted(shown)}", "Read-only file system"]


def test_its_environment_is_path_language_and_the_tree_as_home(tree: Path) -> None:
    # No interpreter between: where python3 is a version manager's script, that adds variables of its own.
    ran = confined.run(tree, ["env"], seconds=20, memory_mb=256)
    of_name = dict(line.split("=", 1) for line in ran.output.splitlines())
    assert (ran.code, ran.isolated) == (0, True)
    assert (sorted(of_name), of_name["HOME"]) == (["HOME", "LANG", "PATH"], str(tree))


def test_it_starts_in_the_tree(tree: Path) -> None:
    assert _python(tree, "import os; print(os.getcwd())") == str(tree)


def test_everything_that_it_started_ends_with_it(tree: Path) -> None:
    program = """
import subprocess, sys
subprocess.Popen(["setsid", "sh", "-c", "while :; do date > beat; sleep 0.05; done"], stdout=subprocess.DEVNULL)
"""
    assert _python(tree, program) == ""
    time.sleep(0.2)
    before = (tree / "beat").stat().st_mtime_ns if (tree / "beat").exists() else None
    time.sleep(0.2)
    assert before == ((tree / "beat").stat().st_mtime_ns if (tree / "beat").exists() else None)


def test_one_that_leaves_its_group_is_killed_at_the_deadline(tree: Path) -> None:
    program = "setsid sh -c 'while :; do date > beat; sleep 0.05; done' & sleep 60"
    ran = confined.run(tree, ["sh", "-c", program], seconds=3, memory_mb=256)
    assert (ran.code, ran.isolated) == (None, True)
    time.sleep(0.2)
    before = (tree / "beat").stat().st_mtime_ns
    time.sleep(0.2)
    assert (tree / "beat").stat().st_mtime_ns == before


def test_memory_is_limited_for_each_process_and_for_all_together(tree: Path) -> None:
    assert "MemoryError" in _python(tree, "x = bytearray(400 << 20)")
    program = """
import subprocess, sys
held = "import time; x = bytearray(b'x' * (60 << 20)); time.sleep(60)"
children = [subprocess.Popen([sys.executable, "-c", held]) for _ in range(6)]
children[0].wait()
"""
    ran = confined.run(tree, ["python3", "-c", program], seconds=120, memory_mb=256)
    assert ran.code is None
    assert ran.duration_ms < 100_000


def test_a_bomb_of_processes_and_an_endless_file_come_to_an_end(tree: Path) -> None:
    ran = confined.run(tree, ["sh", "-c", "f() { sleep 20 & f; }; f"], seconds=10, memory_mb=256)
    assert ran.code != 0
    assert ran.duration_ms < 60_000
    assert confined.run(tree, ["sh", "-c", "head -c 300M /dev/zero > x"], seconds=90, memory_mb=256).code != 0
    assert (tree / "x").stat().st_size <= 256 << 20


def test_a_command_ended_by_a_signal_says_which(tree: Path) -> None:
    ran = confined.run(tree, ["sh", "-c", "kill -9 $$"], seconds=10, memory_mb=256)
    assert ran.code == 137


def test_where_a_command_cannot_be_confined_it_is_not_run(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    confined._ways.cache_clear()
    try:
        ran = confined.run(tree, ["/bin/sh", "-c", "echo 1 > x"], seconds=10, memory_mb=256)
    finally:
        confined._ways.cache_clear()
    assert (ran.code, ran.isolated) == (None, False)
    assert list(tree.iterdir()) == []
