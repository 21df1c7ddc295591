"""What git's machine-readable answers say, and which names a release may stand for. Pure."""

import re
from collections.abc import Iterator

from premortem.adapters.source_code.guards import is_ref
from premortem.ports import BlamedLine, Commit

MOST_PATHS = 1_000
"""So many paths of one commit are told; a larger one is nobody's suspect by its paths."""
LOG_FORMAT = "--format=%H%x00%P%x00%ct%x00%s"
_LONGEST_SUBJECT, _LONGEST_LINE = 300, 1_000
_MOST_TEXTS = 8
_HEX = re.compile(r"(?<![0-9a-z])g?([0-9a-f]{7,40})(?![0-9a-z])")
_BLAMED = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?\Z")


def commits(out: bytes, *, cut: bool) -> list[Commit]:
    """Return the commits of `git log -z --raw` with LOG_FORMAT, without the last one when the answer was cut there.

    A path follows a token that begins with a colon, and nothing else does, so no path can look like a commit.
    """
    heads: list[tuple[str, str, str, str]] = []
    touched: list[list[str]] = []
    tokens = iter(out.decode(errors="replace").split("\0"))
    for token in (token.lstrip("\n") for token in tokens):
        if token.startswith(":") and touched:
            touched[-1].append(next(tokens, ""))
        elif token:
            heads.append((token, next(tokens, ""), next(tokens, ""), next(tokens, "")))
            touched.append([])
    if cut:
        heads, touched = heads[:-1], touched[:-1]
    return [_commit(head, paths) for head, paths in zip(heads, touched, strict=True)]


def _commit(head: tuple[str, str, str, str], paths: list[str]) -> Commit:
    commit, parents, at, subject = head
    return Commit(
        id=commit,
        committed_at=_milliseconds(at),
        subject=subject[:_LONGEST_SUBJECT],
        paths=tuple(sorted(set(paths)))[:MOST_PATHS],
        parents=tuple(parents.split()),
    )


def blamed(out: str) -> list[BlamedLine]:
    """Return the lines of `git blame --line-porcelain`, in order."""
    return list(_blamed(iter(out.split("\n"))))


def _blamed(lines: Iterator[str]) -> Iterator[BlamedLine]:
    for line in lines:
        head = _BLAMED.match(line)
        if not head:
            continue
        at = "0"
        for said in lines:
            if said.startswith("committer-time "):
                at = said.removeprefix("committer-time ")
            elif said.startswith("\t"):
                text = said[1:].removesuffix("\r")[:_LONGEST_LINE]
                yield BlamedLine(line=int(head[2]), text=text, commit=head[1], committed_at=_milliseconds(at))
                break


def _milliseconds(seconds: str) -> int:
    return min(max(int(seconds), 0), 1 << 43) * 1000 if seconds.removeprefix("-").isdecimal() else 0


def commits_in(release: str) -> list[str]:
    """Return what may be (the beginning of) a commit id in a release's name, as it stands there, the last one first."""
    return [match[1] for match in reversed(list(_HEX.finditer(release)))][:_MOST_TEXTS]


def tags_of(release: str) -> list[str]:
    """Return the names of tags that a release may stand for, the closest first: itself, its version, `v` and that.

    A release is `package@version+build`, or any part of it.
    """
    package, _, version = release.rpartition("@")
    plain = version.partition("+")[0]
    names = [release, version, f"v{version}"]
    names += [f"{package}@{plain}", plain, f"v{plain}"] if plain != version else []
    names += [f"{package}-{plain}", f"{package}/v{plain}", f"{package}/{plain}"] if package else []
    return [name for name in dict.fromkeys(names) if is_ref(name)]
