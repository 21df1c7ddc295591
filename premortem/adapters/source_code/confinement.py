"""The inside of `confined`: runs alone, as the first process of new namespaces, and becomes the parent of a command.

It makes everything outside the tree read-only, hides what nobody needs, wakes the loopback, gives up every right that
it has, and starts the command. Source: mount_setattr(2), move_mount(2), capabilities(7), pid_namespaces(7).
"""

import ctypes
import fcntl
import json
import os
import resource
import socket
import struct
import sys

READY = b"+"
"""Written once everything is in place, and before anything of the command has run."""

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_RECURSIVE, _OPEN_TREE_CLONE, _MOVE_EMPTY_PATH = -100, 0x8000, 1, 0x4
_READ_ONLY, _BIND, _NOSUID_NODEV = 1, 4096, 2 | 4
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_CAPBSET_DROP, _NO_NEW_PRIVS = 24, 38
_MOST_TASKS, _MOST_FILE, _MOST_OPEN = 512, 256 << 20, 1024
_OWN = ("/tmp", "/dev/shm")  # noqa: S108 - these are what gets replaced
"""Directories that a command finds empty and may write to, in memory."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(limits: dict[str, object], ready: int) -> int:
    """Confine this process and run the command; returns its exit code, 128 and the signal's number when killed."""
    os.set_inheritable(ready, False)
    tree, words = str(limits["tree"]), [str(word) for word in list(limits["words"])]  # type: ignore[call-overload]
    hidden, kept = ([str(path) for path in list(limits[name])] for name in ("hidden", "kept"))  # type: ignore[call-overload]
    _close_world(tree, hidden, kept)
    _wake_loopback()
    os.chdir(tree)
    _limit(int(str(limits["memory"])))
    _give_up_rights()
    os.write(ready, READY)
    child = os.fork()
    if child == 0:
        _become(words)
    _, status = os.waitpid(child, 0)  # what else is left dies with us: we are process 1 here
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become(words: list[str]) -> None:
    try:
        os.execvp(words[0], words)  # noqa: S606 - the caller's command, without a shell
    except OSError as problem:
        print(f"{words[0]}: {problem.strerror}", file=sys.stderr, flush=True)
    os._exit(127)


def _close_world(tree: str, hidden: list[str], kept: list[str]) -> None:
    """Hide `hidden` and make all but the tree read-only; `kept` may lie in what is hidden, and stays to be read."""
    copies = {path: _copied(path) for path in dict.fromkeys([*kept, tree])}
    for path in dict.fromkeys([*hidden, *_OWN]):
        if os.path.isdir(path):
            _mount("none", path, "tmpfs", _NOSUID_NODEV, "size=64m,mode=1777")
        elif os.path.exists(path):
            _mount("/dev/null", path, "", _BIND, "")
    for path, copy in copies.items():
        os.makedirs(path, exist_ok=True)  # for the case that a hidden directory holds it
        _checked(_libc.syscall(_MOVE_MOUNT, copy, b"", _AT_FDCWD, path.encode(), _MOVE_EMPTY_PATH), path)
    _attributes("/", _AT_RECURSIVE, _READ_ONLY, 0)
    for path in (tree, *(path for path in _OWN if os.path.isdir(path))):
        _attributes(path, 0, 0, _READ_ONLY)


def _copied(path: str) -> int:
    """Return a descriptor of a mount that shows what is at `path` now."""
    return _checked(_libc.syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), _OPEN_TREE_CLONE | os.O_CLOEXEC), path)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), target)


def _attributes(path: str, flags: int, on: int, off: int) -> None:
    attributes = struct.pack("QQQQ", on, off, 0, 0)
    _checked(_libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, len(attributes)), path)


def _checked(result: int, about: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), about)
    return result


def _wake_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def _limit(memory: int) -> None:
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_NPROC, _MOST_TASKS),
        (resource.RLIMIT_FSIZE, _MOST_FILE),
        (resource.RLIMIT_NOFILE, _MOST_OPEN),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _give_up_rights() -> None:
    """Let no program that is started from here have a capability again: root without rights is nobody."""
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0):
            break
    _checked(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), int(sys.argv[2])))
