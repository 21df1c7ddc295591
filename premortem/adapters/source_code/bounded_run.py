"""Run a program that may say too much, take too long or leave children behind: its output is cut, its group killed."""

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

_CHUNK = 1 << 16
_GLANCE_SECONDS = 0.2


class Ended(Struct, frozen=True, kw_only=True):
    """How a program ended. `code` None = it was killed: for its time, for saying too much, or by `watch`."""

    code: int | None
    out: bytes
    cut: bool
    """There was more to read than was kept."""
    duration_ms: int


def _fine(_pid: int) -> bool:
    return True


def bounded_run(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    seconds: float,
    most_bytes: int,
    keep: Literal["start", "end"] = "start",
    errors: int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    watch: Callable[[int], bool] = _fine,
    most_file_bytes: int | None = None,
) -> Ended:
    """Run a program to its end, or kill its whole group after `seconds`.

    Keeps `most_bytes` of its output: with "start" it is killed when there is more, with "end" the last ones are kept.
    `watch` is asked now and then with its pid, and False ends it. No file that it writes grows beyond
    `most_file_bytes`. Raises OSError when it cannot be started.
    """
    began = time.monotonic()
    with (
        subprocess.Popen(  # noqa: S603 - the words are ours, arguments among them are guarded by the callers
            words,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            pass_fds=pass_fds,
        ) as child,
        ExitStack() as at_last,
    ):
        at_last.callback(_kill, child)
        if most_file_bytes is not None:
            with suppress(ProcessLookupError):
                resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (most_file_bytes, most_file_bytes))
        out, whole = _read(child, began + seconds, most_bytes, keep, watch)
        ended = whole and _wait(child, began + seconds, watch)
        code = child.returncode if ended else None
    kept = out[:most_bytes] if keep == "start" else out[-most_bytes:]
    return Ended(
        code=code, out=bytes(kept), cut=len(out) > most_bytes, duration_ms=int((time.monotonic() - began) * 1000)
    )


def _read(
    child: "subprocess.Popen[bytes]", deadline: float, most: int, keep: str, watch: Callable[[int], bool]
) -> tuple[bytearray, bool]:
    """Return what was read, and whether its output ended by itself."""
    assert child.stdout
    out = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and watch(child.pid):
            if not selector.select(min(left, _GLANCE_SECONDS)):
                continue
            chunk = os.read(child.stdout.fileno(), _CHUNK)
            if not chunk:
                return out, True
            out += chunk
            if len(out) > most:
                if keep == "start":
                    return out, False
                del out[: -most - 1]  # one more than is kept says that it was cut
    return out, False


def _wait(child: "subprocess.Popen[bytes]", deadline: float, watch: Callable[[int], bool]) -> bool:
    while (left := deadline - time.monotonic()) > 0 and watch(child.pid):
        with suppress(subprocess.TimeoutExpired):
            child.wait(min(left, _GLANCE_SECONDS))
            return True
    return False


def _kill(child: "subprocess.Popen[bytes]") -> None:
    """Kill the program's group, also what it left behind when it ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
