"""From a frame's file name to a file of a repository: by what both end with, and only when there is one. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*/|^[A-Za-z]:(?=[/\\])|^~(?=/)")
_QUERY = re.compile(r"[?#].*$", re.DOTALL)
_MOST_PARTS = 40

Index = Mapping[str, Sequence[str]]
"""Paths by their last name."""


def index(paths: Iterable[str], prefix: str) -> Index:
    """Return the files below `prefix`, which names a folder; empty = all."""
    found: dict[str, list[str]] = {}
    for path in paths:
        if not prefix or path.startswith(f"{prefix}/"):
            found.setdefault(path.rpartition("/")[2], []).append(path)
    return found


def candidates(names: Sequence[str], files: Index, prefix: str) -> list[str]:
    """Return the files that a frame may be of, in order; exactly one = it is that. `names` are what the frame says of
    its file, the most exact first; a later one only tells apart what an earlier one leaves open.
    """
    left: list[str] = []
    for name in names:
        found = _like(_parts(name), files, prefix)
        both = [path for path in left if path in found]
        left = both or left or found
        if len(left) == 1:
            break
    return left


def names_of(filename: str, abs_path: str, module: str) -> list[str]:
    """Return what a frame says of its file: as the path of its package where the file name is but a name (Java), by
    the file name, and by the absolute path.
    """
    package = module.partition("$")[0].rpartition(".")[0].replace(".", "/")
    bare = "/" not in filename and "\\" not in filename
    packaged = [f"{package}/{filename}"] if bare and package and filename else []
    return list(dict.fromkeys(name for name in (*packaged, filename, abs_path) if name))


def _like(parts: list[str], files: Index, prefix: str) -> list[str]:
    if not parts:
        return []
    matched: dict[str, int] = {}
    for path in files.get(parts[-1], ()):
        whole = path.split("/")
        inner = whole[prefix.count("/") + 1 :] if prefix else whole
        if inner == parts or whole == parts:
            return [path]
        if length := max(_shared(parts, inner), _shared(parts, whole)):
            matched[path] = length
    longest = max(matched.values(), default=0)
    return sorted(path for path, length in matched.items() if length == longest)


def _shared(parts: list[str], names: list[str]) -> int:
    """Return how many names both end with, if one ends with all of the other; a file at the repository's root is not
    recognised by its last name alone where the frame tells a folder.
    """
    length = min(len(parts), len(names))
    if parts[-length:] != names[-length:] or (length == 1 and len(parts) > 1):
        return 0
    return length


def _parts(name: str) -> list[str]:
    """Return the names along a path, of a URL too, without what only says where it is; nothing climbs."""
    plain = _SCHEME.sub("", _QUERY.sub("", name)).replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    return parts[-_MOST_PARTS:]
