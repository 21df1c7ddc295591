"""The texts of the files that a patch touches, before and after it."""

import difflib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed


class Changed(Struct, frozen=True):
    """A file before and after a patch; None = there is none."""

    path: str
    before: str | None
    after: str | None

    def added(self) -> list[str]:
        """Return the lines that the patch brings, in order."""
        return [line[2:] for line in self._differences() if line.startswith("+ ")]

    def changed_lines(self) -> int:
        """Return how many lines it adds and takes out."""
        return sum(line[:2] in ("+ ", "- ") for line in self._differences())

    def _differences(self) -> list[str]:
        lines = difflib.SequenceMatcher(
            None, before := _lines(self.before), after := _lines(self.after), autojunk=False
        )
        found: list[str] = []
        for tag, a, b, c, d in lines.get_opcodes():
            if tag != "equal":
                found += [f"- {line}" for line in before[a:b]] + [f"+ {line}" for line in after[c:d]]
        return found


def applied(edits: Sequence[Edit], files: Mapping[str, str | None]) -> list[Changed]:
    """Return what the edits make of `files` (text by path, None = no such file), a file each in order of path.

    Raises Malformed, with the path, for an `old` that does not occur exactly once, and for a new file that is there.
    """
    after: dict[str, str | None] = {}
    for edit in edits:
        now = after.get(edit.path, files.get(edit.path))
        if not edit.old:
            if now is not None:
                raise Malformed(f"{edit.path} is there already, and the edit says that it is new")
            after[edit.path] = edit.new
            continue
        found = 0 if now is None else now.count(edit.old)
        if now is None or found != 1:
            raise Malformed(f"{edit.path}: the text to replace occurs {found} times, not once")
        after[edit.path] = now.replace(edit.old, edit.new) or None
    return [Changed(path, files.get(path), after[path]) for path in sorted(after)]


def unified(changes: Sequence[Changed]) -> str:
    """Return the changes as one unified diff."""
    parts = []
    for change in changes:
        names = (
            ("/dev/null" if change.before is None else f"a/{change.path}"),
            ("/dev/null" if change.after is None else f"b/{change.path}"),
        )
        lines = difflib.unified_diff(_lines(change.before), _lines(change.after), *names, lineterm="")
        parts += [line if line.endswith("\n") else line + "\n" for line in lines]
    return "".join(parts)


def _lines(text: str | None) -> list[str]:
    return (text or "").splitlines()
