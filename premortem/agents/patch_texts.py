"""What a unified diff tells without the files: which lines it touches, in which words, and whether any of them runs."""

import re
from collections.abc import Iterator

from msgspec import Struct

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
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
    """Yield the hunks of a diff, in order; what is cut off at its end is left out of the last one."""
    path = ""
    place: tuple[int, int] | None = None
    changed: list[str] = []
    for line in patch.splitlines():
        if (file := _FILE.fullmatch(line)) or _HUNK.match(line):
            if place and changed:
                yield Hunk(path, *place, tuple(changed))
            place, changed = None, []
        if file:
            path = file[1]
        elif (hunk := _HUNK.match(line)) is not None:
            start, count = int(hunk[1]), int(hunk[2]) if hunk[2] else 1
            place = (start, start + max(count - 1, 0))
        elif place and line[:1] in "+-" and line[:3] not in ("+++", "---"):
            changed.append(line[1:])
    if place and changed:
        yield Hunk(path, *place, tuple(changed))
