"""Run a command with a tree as its whole world: no network, no other process, nothing else to write to."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from premortem.adapters.source_code import confinement
from premortem.adapters.source_code.bounded_run import bounded_run
from premortem.ports import Ran

_MOST_OUTPUT = 8 << 10
_MOST_PROCESSES = 256
_SPACES = ("--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--propagation=private")
_WAYS = (("unshare", "--map-root-user", *_SPACES), ("unshare", *_SPACES))
"""As somebody who is root nowhere else, and, where the kernel lets nobody make such users, as root itself."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SECRET = (".ssh", ".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".netrc", ".git-credentials", ".pgpass",
           ".npmrc", ".pypirc")  # fmt: skip
"""What nobody's tests need of the home of whoever runs us."""


_OURS = tuple(dict.fromkeys(Path(each).resolve() for each in (
    sys.prefix, sys.base_prefix, Path(confinement.__file__).parents[2],
)))  # fmt: skip
"""The interpreter and our own code run commands of ours, and may have been put where much is hidden."""


class _Use(NamedTuple):
    processes: int
    bytes: int


def run(tree: Path, words: Sequence[str], *, seconds: float, memory_mb: int, hidden: Sequence[Path] = ()) -> Ran:
    """Run a command in `tree`, ended after `seconds` or when all its processes together hold over `memory_mb`.

    Where the machine has no way to confine it, it is not run: `isolated` is False and `code` None.
    """
    for way in _ways():
        ran = _run(way, tree, words, seconds, memory_mb, hidden)
        if ran.isolated:
            return ran
    return Ran(code=None, output="this machine cannot confine a command", duration_ms=0, isolated=False)


@cache
def _ways() -> tuple[tuple[str, ...], ...]:
    """Return the ways that work here, by trying each once."""
    return tuple(way for way in _WAYS if _works(way))


def _works(way: Sequence[str]) -> bool:
    try:
        tried = subprocess.run([*way, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603 - our words
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _run(
    way: Sequence[str], tree: Path, words: Sequence[str], seconds: float, memory_mb: int, hidden: Sequence[Path]
) -> Ran:
    closed = _all_hidden(hidden)
    limits = {
        "tree": str(tree),
        "hidden": [str(path) for path in closed],
        "kept": [str(path) for path in _OURS if any(path.is_relative_to(each) for each in closed)],
        "memory": memory_mb << 20,
        "words": list(words),
    }
    read, write = os.pipe()
    try:
        ended = bounded_run(
            [*way, sys.executable, "-I", "-S", confinement.__file__, json.dumps(limits), str(write)],
            environment=_environment(tree),
            directory=tree,
            seconds=seconds,
            most_bytes=_MOST_OUTPUT,
            keep="end",
            errors=subprocess.STDOUT,
            pass_fds=(write,),
            watch=lambda pid: _fits(_use(pid), memory_mb << 20),
        )
        os.close(write)
        write = -1
        isolated = os.read(read, 1) == confinement.READY
    finally:
        os.close(read)
        if write >= 0:
            os.close(write)
    return Ran(
        code=ended.code if isolated else None,
        output=ended.out.decode(errors="replace")[-_MOST_OUTPUT:],
        duration_ms=ended.duration_ms,
        isolated=isolated,
    )


def _environment(tree: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(tree)}


def _all_hidden(hidden: Sequence[Path]) -> list[Path]:
    home = Path(os.path.expanduser("~"))  # where nobody has a home, this is no exception
    named = [*hidden, Path("/run"), Path("/tmp"), Path("/var/tmp"), *(home / name for name in _SECRET)]  # noqa: S108
    return [path for path in dict.fromkeys(path.resolve() for path in named) if path.exists()]


def _fits(use: _Use, most_bytes: int) -> bool:
    return use.processes <= _MOST_PROCESSES and use.bytes <= most_bytes


def _use(pid: int) -> _Use:
    """Return how many processes stand below `pid`, itself counted, and the memory that they hold (resident bytes)."""
    found, held, waiting = 0, 0, [pid]
    while waiting and found <= _MOST_PROCESSES:
        one = waiting.pop()
        try:
            held += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * _PAGE
            children = Path(f"/proc/{one}/task/{one}/children").read_text()
        except (OSError, IndexError, ValueError):
            continue  # it has just ended
        found += 1
        waiting += [int(child) for child in children.split()]
    return _Use(found, held)
