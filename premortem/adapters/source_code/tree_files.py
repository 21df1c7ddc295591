"""Files of a tree, reached without ever following a symbolic link: what is in the tree was written by strangers."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from premortem.adapters.source_code.guards import is_inside
from premortem.exceptions import Malformed

_LARGEST = 4 << 20
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


def read_text(tree: Path, path: str) -> str | None:
    """Return a file's text, None when there is none. Raises Malformed for a path that leaves the tree, leads through a
    symbolic link, or is no regular file of text.
    """
    try:
        with _parent(tree, path, make=False) as (directory, name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError as problem:
        if problem.errno in _NOT_THERE:
            return None
        raise Malformed(f"{path} is no regular file.") from problem
    with os.fdopen(descriptor, "rb") as file:
        _check_regular(file.fileno(), path)
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise Malformed(f"{path} is larger than {_LARGEST} bytes.")
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        raise Malformed(f"{path} is no text in UTF-8.") from problem


def write_text(tree: Path, path: str, text: str) -> None:
    """Write a file, whose directories are made; an existing one keeps its mode. Raises what `read_text` does."""
    try:
        with _parent(tree, path, make=True) as (directory, name):
            how = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(name, how, 0o644, dir_fd=directory)
        with os.fdopen(descriptor, "wb") as file:
            _check_regular(file.fileno(), path)
            file.truncate(0)
            file.write(text.encode())
    except (OSError, UnicodeEncodeError) as problem:
        raise Malformed(f"{path} cannot be written.") from problem


def remove(tree: Path, path: str) -> None:
    """Remove a file. Raises Malformed when there is none, or a symbolic link leads to it."""
    try:
        with _parent(tree, path, make=False) as (directory, name):
            os.unlink(name, dir_fd=directory)
    except OSError as problem:
        raise Malformed(f"{path} cannot be removed.") from problem


@contextmanager
def _parent(tree: Path, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """Lend the directory that a path's last name is in, walked to without following a link, and that name."""
    if not is_inside(path):
        raise Malformed(f"{path[:80]!r} is no path inside a repository.")
    *directories, name = path.split("/")
    here = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for directory in directories:
            if make:
                _make(directory, here)
            below = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        yield here, name
    finally:
        os.close(here)


def _make(directory: str, parent: int) -> None:
    try:
        os.mkdir(directory, 0o755, dir_fd=parent)
    except FileExistsError:
        return


def _check_regular(descriptor: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Malformed(f"{path} is no regular file.")
