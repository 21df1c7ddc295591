"""What git is never asked for: names that could be options, leave the repository, or mean something else. Pure."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from premortem.exceptions import Malformed

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@/-]{0,199}\Z")
_NOT_IN_REF = ("..", "@{", "//", "/.", ".lock/")
_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s:/-][^\s]*\Z")
SCHEMES = {"https": "https", "http": "http", "ssh": "ssh", "file": "file"}
"""Schemes of URLs that may be configured, and git's protocol for each."""
_LONGEST_PATH = 1_000


def check_commit(commit: str) -> str:
    """Return a whole commit id; Malformed for anything else, also for a short one, which could be a branch's name."""
    if not _COMMIT.match(commit):
        raise Malformed(f"{commit[:80]!r} is no commit: 40 or 64 hexadecimal digits.")
    return commit


def is_ref(name: str) -> bool:
    """Tell whether a branch or tag may be called so."""
    return (
        bool(_REF.match(name))
        and not any(part in name for part in _NOT_IN_REF)
        and not name.endswith((".", "/", ".lock"))
    )


def check_branch(branch: str) -> str:
    """Return a branch's name; Malformed for what git could take for something else."""
    if not is_ref(branch):
        raise Malformed(f"{branch[:80]!r} is no name of a branch.")
    return branch


def is_inside(path: str) -> bool:
    """Tell whether a path stays in the tree that it is relative to, and is nothing of git's own."""
    parts = path.split("/")
    return (
        0 < len(path) <= _LONGEST_PATH
        and "\\" not in path
        and all(ord(char) >= 32 and ord(char) != 127 for char in path)
        and not any(part in ("", ".", "..") or part.rstrip(" .").casefold() in (".git", "git~1") for part in parts)
    )


def check_paths(paths: Sequence[str]) -> Sequence[str]:
    """Return the paths; Malformed when one is not inside the tree."""
    for path in paths:
        if not is_inside(path):
            raise Malformed(f"{path[:80]!r} is no path inside a repository.")
    return paths


def protocol(url: str) -> str:
    """Return git's protocol for a clone URL; Malformed for one that may not be configured."""
    if _SCP.match(url):
        return "ssh"
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    known = SCHEMES.get(parts.scheme)
    named = bool(parts.path.strip("/")) and (bool(parts.hostname) if known != "file" else not parts.netloc)
    if known is None or not named or any(ord(char) <= 32 for char in url) or (parts.hostname or "").startswith("-"):
        raise Malformed("a clone URL is https://, http://, ssh:// or file:///, or user@host:path.")
    return known
