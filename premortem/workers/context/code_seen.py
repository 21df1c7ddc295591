"""The code that failed, at the failing release's commit, who wrote it, and what changed since the last good release."""

import re
from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from premortem.agents.text_lines import lines_of
from premortem.domain.observations import Blame, BlameLine, Code, Commits, CommitSeen
from premortem.ports import Commit, Repository, SourceCode
from premortem.workers.context.file_names import Index, candidates, index, names_of
from premortem.workers.context.findings import Findings, Subject
from premortem.workers.context.onset import DAY_MS
from premortem.workers.context.payloads import ReadFrame
from premortem.workers.context.texts import cut, of_repository

_MOST_REPOSITORIES, _MOST_FRAMES, _MOST_BLAMED = 5, 8, 4
_AROUND, _BLAMED_AROUND, _LONGEST_LINE = 20, 5, 300
_MOST_COMMITS, _LOOKED_AT, _WITH_PATCH, _MOST_PATHS, _LONGEST_PATCH = 50, 300, 20, 50, 4 << 10
_DAYS = 7
_INSTALLED = re.compile(r"(?i)(?:^|/)(?:requirements|constraints)[^/]*\.txt$")
_NO_CODE = (".md", ".rst", ".txt", ".lock", ".png", ".jpg", ".gif", ".svg", ".ico", ".woff", ".woff2", ".pdf", ".csv")


class Known(Struct, frozen=True, kw_only=True):
    """A repository at the commit that failed."""

    repository: Repository
    commit: str
    assumed: bool
    """The release does not name the commit: it is the branch's newest one before the release was first seen."""
    files: Index


def repositories(
    source: SourceCode, mapped: Sequence[Repository], release: str, released_at: int, findings: Findings
) -> list[Known]:
    """Return the project's repositories at the failing release's commit. What cannot be fetched, or has no such commit,
    is a gap. `released_at`: when the release was first seen (ms).
    """
    if not mapped:
        how = "premortem repository add PROJECT owner/name URL"
        findings.miss("repository", "the project's code", how, "not_configured")
    found = []
    for repository in mapped[:_MOST_REPOSITORIES]:
        ask = partial(_known, source, repository, release, released_at)
        tried = findings.tried(ask, "repository", f"the code in {repository.name}")
        if tried is None:
            continue
        if not tried or tried[0].assumed:
            how = "Name releases after their commit (shop@1.4.2+abc1234), or give the commit a tag like the release."
            findings.miss("release_commit", "the commit that the failing release is of", how, "not_configured")
        found += tried
    return found


def _known(source: SourceCode, repository: Repository, release: str, released_at: int) -> list[Known]:
    source.fetch(repository)
    commit = source.resolve(repository, release) if release else None
    assumed = commit is None
    if commit is None:
        before = source.commits(repository, None, source.head(repository), limit=_LOOKED_AT)
        commit = next((each.id for each in before if each.committed_at <= released_at), None)
    if commit is None:
        return []
    files = index(source.files(repository, commit), repository.path_prefix)
    return [Known(repository=repository, commit=commit, assumed=assumed, files=files)]


def code(source: SourceCode, known: Sequence[Known], frames: Sequence[ReadFrame], findings: Findings) -> list[Code]:
    """Find the code around the application's frames, given the failing one first, and who wrote it. A frame whose file
    several could be is a gap, and so is one whose line is not what the client saw.
    """
    found: list[Code] = []
    places: set[tuple[str, str, int]] = set()
    for depth, frame in enumerate(frames[:_MOST_FRAMES]):
        matches = [
            (each, path)
            for each in known
            for path in candidates(
                names_of(frame.filename, frame.abs_path, frame.module), each.files, each.repository.path_prefix
            )
        ]
        if len(matches) != 1:
            _unmatched(len(matches), depth, findings)
            continue
        (each, path), *_ = matches
        place = (each.repository.name, path, frame.line)
        if place not in places:
            places.add(place)
            ask = partial(_look, source, each, path, frame, depth, findings)
            found += findings.tried(ask, "code", "the code that failed") or []
    return found


def _look(source: SourceCode, known: Known, path: str, frame: ReadFrame, depth: int, findings: Findings) -> list[Code]:
    seen = _code(source, known, path, frame, depth)
    if seen is None:
        how = "Name releases after their commit, so that the code is read at the commit that ran."
        findings.miss("code", "the line that failed: the file has another one there", how)
        return []
    _add(source, known, seen, findings)
    return [seen]


def _unmatched(matches: int, depth: int, findings: Findings) -> None:
    if depth == 0:
        why = f"{matches} files could be it" if matches else "no file ends like it"
        how = "Map the folder that the frames' file names begin in: premortem repository add --path-prefix."
        findings.miss("code", f"the file that failed: {why}", how)


def _code(source: SourceCode, known: Known, path: str, frame: ReadFrame, depth: int) -> Code | None:
    text = source.file(known.repository, known.commit, path)
    lines = [] if text is None else [line.rstrip("\r\n") for line in lines_of(text)]
    if not 1 <= frame.line <= len(lines):
        return None
    said, there = frame.context_line.strip(), lines[frame.line - 1].strip()
    if (said and cut(there, len(said)) != said and there != said) or (known.assumed and not said):
        return None
    first = max(1, frame.line - _AROUND)
    return Code(
        repository=known.repository.name,
        commit=known.commit,
        path=path,
        function=frame.function,
        first_line=first,
        failing_line=frame.line,
        lines=tuple(of_repository(line, _LONGEST_LINE) for line in lines[first - 1 : frame.line + _AROUND]),
        depth=depth,
    )


def _add(source: SourceCode, known: Known, seen: Code, findings: Findings) -> None:
    where = {"repository": seen.repository, "commit": seen.commit, "path": seen.path}
    commit = f"{seen.commit[:12]}, assumed" if known.assumed else seen.commit[:12]
    place = "that failed" if seen.depth == 0 else f"of the frame {seen.depth} above"
    title = f"The code {place}: line {seen.failing_line} at {commit}"
    findings.add("code", title, "git cat-file blob", where | {"line": seen.failing_line}, seen)
    if seen.depth >= _MOST_BLAMED:
        return
    first, last = max(1, seen.failing_line - _BLAMED_AROUND), seen.failing_line + _BLAMED_AROUND
    blamed = source.blame(known.repository, seen.commit, seen.path, first, last)
    lines = tuple(
        BlameLine(
            line=each.line,
            text=of_repository(each.text, _LONGEST_LINE),
            commit=each.commit,
            committed_at=each.committed_at,
        )
        for each in blamed
    )
    blame = Blame(
        repository=seen.repository, commit=seen.commit, path=seen.path, failing_line=seen.failing_line, lines=lines
    )
    writers = len({each.commit for each in lines})
    title = f"{writers} commits wrote the lines around line {seen.failing_line}"
    findings.add("blame", title, "git blame", where | {"first": first, "last": last}, blame)


def commits(
    source: SourceCode,
    known: Sequence[Known],
    codes: Sequence[Code],
    releases: tuple[str | None, str | None],
    subject: Subject,
    findings: Findings,
) -> None:
    """Find what changed from the last good release to the first bad one, `releases`; of the days before the onset where
    that cannot be told. Asked of the repositories that the failing code is in, or of the only one.
    """
    named = {each.repository for each in codes}
    for each in known:
        if each.repository.name in named or len(known) == 1:
            ask = partial(_commits, source, each, codes, releases, subject, findings)
            findings.tried(ask, "commits", f"what changed in {each.repository.name}")


def _commits(
    source: SourceCode,
    known: Known,
    codes: Sequence[Code],
    releases: tuple[str | None, str | None],
    subject: Subject,
    findings: Findings,
) -> None:
    good, bad = (source.resolve(known.repository, release) if release else None for release in releases)
    bad = bad or known.commit
    if good is not None:
        found = source.commits(known.repository, good, bad, limit=_MOST_COMMITS)
    else:
        since = subject.earliest - _DAYS * DAY_MS
        all_found = source.commits(known.repository, None, bad, limit=_LOOKED_AT)
        found = [each for each in all_found if since <= each.committed_at <= subject.latest][:_MOST_COMMITS]
    if not found:
        how = "Nothing changed in the code between them: look at settings, at what it is given, at what it calls."
        findings.miss("commits", "a change in the code before it began", how)
        return
    stack = {each.path for each in codes if each.repository == known.repository.name}
    telling = [each.id for each in found if _touches_code(each)][:_WITH_PATCH]
    seen = Commits(
        repository=known.repository.name,
        bad_commit=bad,
        good_commit=good,
        rule="between_releases" if good else "days_before_onset",
        commits=tuple(_seen(source, known.repository, each, stack, patched=each.id in telling) for each in found),
    )
    what = "from the last good release to the first bad one" if good else f"in the {_DAYS} days before the onset"
    asked: dict[str, object] = {"repository": known.repository.name, "since": good or "", "until": bad}
    cut_off = len(found) == _MOST_COMMITS or any(len(each.paths) > _MOST_PATHS for each in found)
    findings.add("commits", f"{len(found)} commits {what}", "git log", asked, seen, truncated=cut_off)


def _seen(source: SourceCode, repository: Repository, commit: Commit, stack: set[str], *, patched: bool) -> CommitSeen:
    ordered = sorted(commit.paths, key=lambda path: (path not in stack, path))
    return CommitSeen(
        id=commit.id,
        committed_at=commit.committed_at,
        subject=of_repository(commit.subject, _LONGEST_LINE),
        paths=tuple(ordered[:_MOST_PATHS]),
        patch=_beginning(source.patch(repository, commit.id)) if patched else "",
    )


def _beginning(patch: str) -> str:
    """Return the patch's first lines, at most 4 KiB, without what looks like a secret."""
    whole = patch.encode()
    if len(whole) > _LONGEST_PATCH:
        short = whole[:_LONGEST_PATCH]
        patch = short[: short.rfind(b"\n") + 1].decode(errors="ignore")
    return of_repository(patch, 2 * _LONGEST_PATCH)


def _touches_code(commit: Commit) -> bool:
    return any(not path.lower().endswith(_NO_CODE) or _INSTALLED.search(path) for path in commit.paths)
