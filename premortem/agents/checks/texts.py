"""The texts of the files that a patch touches, before and after it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from premortem.agents.text_lines import Difference, differences, lines_of
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed

_CONTEXT = 3
_UNREADABLE = "\ufffd"
"""What stands for bytes that are no UTF-8: written back it would take their place for good."""


class Changed(Struct, frozen=True):
    """A file before and after a patch; None = there is none."""

    path: str
    before: str | None
    after: str | None

    def added(self) -> list[str]:
        """Return the lines that the patch brings, in order, without their ends."""
        _, new, found = self.compared()
        return [line.rstrip("\r\n") for each in found for line in new[each.c : each.d]]

    def changed_lines(self) -> int:
        """Return how many lines it adds and takes out."""
        return sum(each.b - each.a + each.d - each.c for each in self.compared()[2])

    def compared(self) -> tuple[list[str], list[str], list[Difference]]:
        """Return the lines before, those after, and where they differ."""
        old, new = lines_of(self.before or ""), lines_of(self.after or "")
        return old, new, differences(old, new)


def applied(edits: Sequence[Edit], files: Mapping[str, str | None]) -> list[Changed]:
    """Return what the edits make of `files` (text by path, None = no such file), a file each in order of path.

    Raises Malformed, with the path, for an `old` that does not occur exactly once, for a new file that is there, and
    for a file that is no UTF-8.
    """
    after: dict[str, str | None] = {}
    for edit in edits:
        now = after.get(edit.path, files.get(edit.path))
        if now is not None and _UNREADABLE in now:
            raise Malformed(f"{edit.path} is not in UTF-8 throughout, so that it cannot be written back as it is")
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
    """Return the changes as one unified diff, which `git apply` takes."""
    parts: list[str] = []
    for change in changes:
        old, new, found = change.compared()
        if found:
            parts.append("--- /dev/null\n" if change.before is None else f"--- a/{change.path}\n")
            parts.append("+++ /dev/null\n" if change.after is None else f"+++ b/{change.path}\n")
        for near in _near(found):
            parts += _hunk(old, new, near)
    return "".join(parts)


def _near(found: Sequence[Difference]) -> list[list[Difference]]:
    """Return the differences, those together whose contexts touch."""
    groups: list[list[Difference]] = []
    for each in found:
        if groups and each.a - groups[-1][-1].b <= 2 * _CONTEXT:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _hunk(old: Sequence[str], new: Sequence[str], near: Sequence[Difference]) -> list[str]:
    above = min(_CONTEXT, near[0].a)
    below = min(_CONTEXT, len(old) - near[-1].b)
    said: list[str] = []
    at = near[0].a - above
    for each in near:
        said += [f" {line}" for line in old[at : each.a]]
        said += [f"-{line}" for line in old[each.a : each.b]] + [f"+{line}" for line in new[each.c : each.d]]
        at = each.b
    said += [f" {line}" for line in old[at : at + below]]
    ranges = (_range(near[0].a - above, near[-1].b + below), _range(near[0].c - above, near[-1].d + below))
    whole = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in said]
    return [f"@@ -{ranges[0]} +{ranges[1]} @@\n", *whole]


def _range(start: int, end: int) -> str:
    """Return the lines as a diff has them: counted from 1, the count left out when it is 1."""
    count = end - start
    return str(start + 1) if count == 1 else f"{start + 1 if count else start},{count}"
