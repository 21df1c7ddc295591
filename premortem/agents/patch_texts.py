"""What a unified diff tells without the files: which lines it touches, in which words, and whether any of them runs."""

import re
from collections.abc import Iterator

from msgspec import Struct

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_FILE = re.compile(r"\+\+\+ (?:b/)?(.+)")
_RUNS = re.compile(
    r"[=()\[\]{}<>;]|^\s*(?:return|raise|import|from|if|else|elif|for|while|def|class|try|except|with|yield)\b"
)
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--).*")
_QUOTES = re.compile(r"['\"]{3}")


class Hunk(Struct, frozen=True):
    """A part of a diff: the lines of the new file that it reaches over (from 1, both included), and what changed."""

    path: str
    first: int
    last: int
    changed: tuple[str, ...]

    def runs(self) -> bool:
        """Tell whether any changed line looks like code; comments, and prose between quotes, do not."""
        return any(_RUNS.search(_QUOTES.sub("", _COMMENT.sub("", line))) for line in self.changed)

    def distance(self, line: int) -> int:
        """Return how many lines lie between the hunk and a line of the new file; 0 = it reaches over it."""
        return max(self.first - line, line - self.last, 0)


def hunks(patch: str) -> Iterator[Hunk]:
    """Yield the hunks of a diff, in order; what is cut off at its end is left out of the last one.

    How many lines a hunk has is what its head says: an added line `++ b/x` looks like the name of the next file.
    """
    path = ""
    lines = iter(patch.split("\n"))
    for line in lines:
        if file := _FILE.fullmatch(line):
            path = file[1]
        elif head := _HUNK.match(line):
            old, first, new = (int(number) if number else 1 for number in head.groups())
            if changed := _changed(lines, old, new):
                yield Hunk(path, first, first + max(new - 1, 0), changed)


def _changed(lines: Iterator[str], old: int, new: int) -> tuple[str, ...]:
    """Take a hunk's lines: `old` of the file before, `new` of the one after it. Return those that changed."""
    changed: list[str] = []
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            break
        sign = line[:1]
        old -= sign in ("", " ", "-")
        new -= sign in ("", " ", "+")
        if sign in ("+", "-"):
            changed.append(line[1:])
    return tuple(changed)
