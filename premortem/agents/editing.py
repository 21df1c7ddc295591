"""Edits from one text to another, each in a place that is the only one; and those that take a change out again."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from premortem.agents.text_lines import Difference, differences, lines_of
from premortem.domain.evidence import Edit

_MOST_CONTEXT = 8


class Versions(Struct, frozen=True):
    """A file before the change, after it, and now; None = there is none."""

    path: str
    before: str | None
    after: str | None
    now: str | None


class NotRevertible(Exception):
    """The newest text no longer holds what the change brought; says where."""


def reverted(files: Sequence[Versions]) -> tuple[Edit, ...]:
    """Return the edits of `now` that undo the change, file by file. Raises NotRevertible where a part changed since."""
    return tuple(edit for file in files for edit in _file(file))


def edits_to(path: str, now: str, wanted: str) -> tuple[Edit, ...]:
    """Return the edits that make `wanted` of `now`. Raises NotRevertible where no context makes a place unique."""
    return tuple(_parts(path, wanted, now, now)) if now != wanted else ()


def _file(file: Versions) -> Iterator[Edit]:
    if file.before == file.after:
        return
    if file.after is None:
        if file.now is not None:
            raise NotRevertible(f"{file.path} was taken away and is there again")
        yield Edit(file.path, "", file.before or "")
    elif file.before is None:
        if file.now != file.after:
            raise NotRevertible(f"{file.path} was new and has changed since")
        yield Edit(file.path, file.after, "")
    elif not file.before:
        raise NotRevertible(f"{file.path} was empty before, and an edit that leaves nothing takes a file away")
    elif file.now is None:
        raise NotRevertible(f"{file.path} is gone")
    else:
        yield from _parts(file.path, file.before, file.after, file.now)


def _parts(path: str, before: str, after: str, now: str) -> Iterator[Edit]:
    old, new = lines_of(before), lines_of(after)
    blocks = _blocks(old, new)
    for number, block in enumerate(blocks):
        above = (block.c - blocks[number - 1].d) // 2 if number else block.c
        below = (blocks[number + 1].c - block.d) // 2 if number + 1 < len(blocks) else len(new) - block.d
        yield _unique(path, new, (block.c, block.d), "".join(old[block.a : block.b]), (above, below), now)


def _blocks(old: Sequence[str], new: Sequence[str]) -> list[Difference]:
    """Return the places that differ, those that lie closer than their contexts would as one."""
    found: list[Difference] = []
    for each in differences(old, new):
        if found and each.c - found[-1].d < 2 * _MOST_CONTEXT:
            found[-1] = Difference(found[-1].a, each.b, found[-1].c, each.d)
        else:
            found.append(each)
    return found


def _unique(path: str, new: Sequence[str], at: tuple[int, int], put_back: str, room: tuple[int, int], now: str) -> Edit:
    """Return the edit with as little context as makes its place the only one."""
    start, end = at
    for context in range(min(_MOST_CONTEXT, max(room)) + 1):
        above, below = min(context, room[0]), min(context, room[1])
        head, tail = "".join(new[start - above : start]), "".join(new[end : end + below])
        text = head + "".join(new[start:end]) + tail
        if text and now.count(text) == 1:
            return Edit(path, text, head + put_back + tail)
    raise NotRevertible(f"{path}, line {start + 1}: what the change brought is no longer there, or there twice")
