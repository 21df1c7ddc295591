"""The whole context within its size: the largest observation gives up its least telling half, again and again. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.evidence import Evidence, observed
from premortem.domain.observations import (
    Blame,
    BlastRadius,
    Code,
    Commits,
    Deploys,
    Differences,
    EventSeen,
    FailedFix,
    Onset,
    OverRepresented,
    Releases,
    result,
)
from premortem.workers.context.findings import Draft

MOST_BYTES = 240 << 10
"""Of the evidence as it is written; with the rest of the fact it stays below 256 KiB."""
_LEAST_LINES, _LEAST_COMMITS, _FEW_PATHS = 11, 10, 10


def fit(drafts: Sequence[Draft], most_bytes: int = MOST_BYTES) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """Return the evidence in at most `most_bytes`, each cut one marked and still whole JSON; and the titles of what did
    not fit at all.
    """
    kept = [(draft, _evidence(draft)) for draft in drafts]
    sizes = [len(msgspec.json.encode(evidence)) for _, evidence in kept]
    dropped: list[str] = []
    while sum(sizes) > most_bytes:
        for index in sorted(range(len(kept)), key=lambda index: (-sizes[index], index)):
            less = smaller(kept[index][0].observation)
            if less is not None:
                draft = replace(kept[index][0], observation=less, truncated=True)
                kept[index] = draft, _evidence(draft)
                sizes[index] = len(msgspec.json.encode(kept[index][1]))
                break
        else:
            largest = max(range(len(kept)), key=lambda index: (sizes[index], index))
            dropped.append(kept.pop(largest)[0].title)
            sizes.pop(largest)
    return tuple(evidence for _, evidence in kept), tuple(dropped)


def _evidence(draft: Draft) -> Evidence:
    return observed(
        draft.kind,
        draft.title,
        draft.query,
        draft.parameters,
        result(draft.observation),
        untrusted=draft.untrusted,
        truncated=draft.truncated,
    )


def smaller(observation: Struct) -> Struct | None:
    """Return less of an observation, None when there is nothing left that may go."""
    shrink = _SMALLER.get(type(observation))
    less = shrink(observation) if shrink else None
    return None if less == observation else less


def _event(event: EventSeen) -> Struct:
    if event.breadcrumbs:
        return replace(event, breadcrumbs=_last_half(event.breadcrumbs))
    if any(len(exception.frames) > 1 for exception in event.exceptions):
        cut = (replace(exception, frames=_last_half(exception.frames, 1)) for exception in event.exceptions)
        return replace(event, exceptions=tuple(cut))
    if event.tags:
        return replace(event, tags=event.tags[: len(event.tags) // 2])
    bare = (
        replace(each, frames=tuple(replace(frame, variables=frame.variables[: len(frame.variables) // 2])
                                   for frame in each.frames))
        for each in event.exceptions
    )  # fmt: skip
    return replace(event, exceptions=tuple(bare))


def _commits(commits: Commits) -> Struct:
    told = [index for index, commit in enumerate(commits.commits) if commit.patch]
    if told:
        silent = set(told[len(told) // 2 :])
        listed = [replace(c, patch="") if index in silent else c for index, c in enumerate(commits.commits)]
        return replace(commits, commits=tuple(listed))
    if any(len(commit.paths) > _FEW_PATHS for commit in commits.commits):
        return replace(
            commits, commits=tuple(replace(commit, paths=commit.paths[:_FEW_PATHS]) for commit in commits.commits)
        )
    return replace(commits, commits=commits.commits[: max(_LEAST_COMMITS, len(commits.commits) // 2)])


def _code(code: Code) -> Struct:
    if len(code.lines) <= _LEAST_LINES:
        return code
    start, lines = _around(code.failing_line - code.first_line, code.lines)
    return replace(code, first_line=code.first_line + start, lines=lines)


def _blame(blame: Blame) -> Struct:
    near = sorted(blame.lines, key=lambda line: (abs(line.line - blame.failing_line), line.line))
    kept = near[: max(1, len(near) // 2)]
    return replace(blame, lines=tuple(sorted(kept, key=lambda line: line.line)))


def _around(index: int, lines: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Return half of the lines, those nearest to `index`, and where they begin."""
    reach = max(_LEAST_LINES // 2, len(lines) // 4)
    start = max(0, index - reach)
    return start, lines[start : index + reach + 1]


def _last_half(values: tuple[Any, ...], least: int = 0) -> tuple[Any, ...]:
    keep = max(least, len(values) // 2)
    return values[len(values) - keep :]


def _first_half(name: str) -> Callable[[Any], Struct]:
    return lambda observation: replace(
        observation, **{name: getattr(observation, name)[: len(getattr(observation, name)) // 2]}
    )


_SMALLER: dict[type[Struct], Callable[[Any], Struct]] = {
    EventSeen: _event,
    Commits: _commits,
    Code: _code,
    Blame: _blame,
    Onset: _first_half("minutes"),
    OverRepresented: _first_half("attributes"),
    Differences: _first_half("differences"),
    Deploys: _first_half("deploys"),
    FailedFix: _first_half("patch"),
    BlastRadius: _first_half("releases"),
    Releases: lambda releases: replace(releases, releases=_last_half(releases.releases)),
}
