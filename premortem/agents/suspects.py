"""Suspects: which change brought an error, by rules over stored evidence alone."""

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from premortem.agents.patch_texts import hunks
from premortem.domain.claims import Support
from premortem.domain.evidence import Evidence, EvidenceKind
from premortem.domain.observations import Blame, Code, Commits, CommitSeen, EventSeen, FailedFix, Onset, read

T = TypeVar("T", bound=Struct)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_NEAR = 3
"""Lines beside the failing one that count as near it."""
_COMMON_WORDS = (
    "the and for not has none self def return import from class int str object type error exception value key name "
    "file line true false with raise if else elif try except in is of to while print len data args kwargs"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_SETTINGS = re.compile(
    r"(?i)(?:^|/)(?:settings|config|conf|constants|defaults?)[^/]*$|\.(?:ya?ml|toml|ini|cfg|json|env|properties)$"
)


_DOCUMENT = re.compile(r"(?i)\.(?:md|rst|adoc|svg|png|jpe?g|gif|ico|pdf)$|(?:^|/)(?:readme|license|changes)[^/]*\.txt$")
_CODE = re.compile(r"(?i)\.(?:py|js|jsx|ts|tsx|java|kt|go|rb|php|cs|rs|swift|c|cc|cpp|h|scala)$")
_INSTALLED = re.compile(
    r"(?i)(?:^|/)(?:requirements[^/]*|constraints[^/]*|pyproject\.toml|setup\.(?:py|cfg)|pipfile[^/]*|package[^/]*\.json"
    r"|go\.(?:mod|sum)|cargo\.toml|gemfile[^/]*|composer\.json|pom\.xml|build\.gradle[^/]*|[^/]*\.lock)$"
)
_FAST_CLOCK_MS = 5 * 60_000
"""By so much may a committer's clock be fast."""
_BESIDE = 10
"""So many lines between a hunk and the failing line are still beside it."""


class Suspect(Struct, frozen=True, kw_only=True):
    """A change, why it is suspected, and the evidence that says so."""

    commit: CommitSeen
    rule: str
    support: Support
    commits_id: str
    """The evidence that lists it."""
    blame_id: str = ""
    score: tuple[int, ...] = ()


def found(evidence: Sequence[Evidence], kind: EvidenceKind, shape: type[T]) -> Iterator[tuple[Evidence, T]]:
    """Yield the observations of a kind, each with the evidence that it stands in."""
    for each in evidence:
        if each.kind == kind and (observation := read(each, shape)) is not None:
            yield each, observation


def rank(evidence: Sequence[Evidence]) -> list[Suspect]:
    """Return the commits between good and bad that something ties to the failure, the likeliest first.

    In this order: it wrote the failing line; a line near it; it changed code beside it; it touched the failing file, or
    one of the calling frames; it changed what is installed, in words of the failing code; words that the failure speaks
    of; settings; it is the only change. What only changes comments, prose or documents is none, nor is what was written
    after it began, or was taken out again without any help.
    Among equals the one that touches more of the stack, then the one that shares more words, then the newest.
    """
    codes = [code for _, code in found(evidence, "code", Code)]
    blames = list(found(evidence, "blame", Blame))
    words = _words(evidence, codes)
    suspects: list[Suspect] = []
    for listed, commits in found(evidence, "commits", Commits):
        suspects += [_judged(commit, commits, listed.id, codes, blames, words) for commit in commits.commits]
    tied = [each for each in suspects if each.rule and not _cleared(each.commit, evidence)]
    return sorted(tied, key=lambda each: (*(-part for part in each.score), -each.commit.committed_at, each.commit.id))


def _cleared(commit: CommitSeen, evidence: Sequence[Evidence]) -> bool:
    """Tell whether the commit cannot be it: the error came first, or went on without it, as was measured."""
    late = any(commit.committed_at > onset.latest + _FAST_CLOCK_MS for _, onset in found(evidence, "onset", Onset))
    reverted = (failed.summary for _, failed in found(evidence, "failed_fix", FailedFix))
    return late or any(summary == revert_summary(commit.id) for summary in reverted)


def revert_summary(commit: str) -> str:
    """Return what a fix that takes a commit out again is called, and is known by when it failed."""
    return f"Revert {commit[:12]}"


def as_well_tied(commit: str, evidence: Sequence[Evidence]) -> bool:
    """Tell whether nothing ties any other change to the failure more closely than this one."""
    ranked = rank(evidence)
    return any(each.commit.id == commit and each.score[0] == ranked[0].score[0] for each in ranked)


def support_for(commit: str, evidence: Sequence[Evidence]) -> Support | None:
    """Return what speaks for a change that somebody else suspects; None when no stored observation shows it."""
    codes = [code for _, code in found(evidence, "code", Code)]
    blames = list(found(evidence, "blame", Blame))
    for listed, commits in found(evidence, "commits", Commits):
        for each in commits.commits:
            if each.id == commit:
                return _judged(each, commits, listed.id, codes, blames, frozenset()).support
    return None


def commit_named(commit: str, evidence: Sequence[Evidence]) -> tuple[Commits, CommitSeen] | None:
    """Return the listed commit of that id, with its list."""
    for _, commits in found(evidence, "commits", Commits):
        for each in commits.commits:
            if each.id == commit:
                return commits, each
    return None


def _judged(
    commit: CommitSeen,
    commits: Commits,
    listed_id: str,
    codes: Sequence[Code],
    blames: Sequence[tuple[Evidence, Blame]],
    words: frozenset[str],
) -> Suspect:
    wrote, near = _written(commit.id, _of_the_failure(blames, codes), 0), _written(commit.id, blames, _NEAR)
    running = _running(commit)
    failing = {code.path: code.failing_line for code in codes if code.depth == 0}
    touches_failing = bool(failing.keys() & running)
    touched = len({code.path for code in codes} & running)
    beside = min(
        (hunk.distance(failing[hunk.path]) for hunk in hunks(commit.patch) if hunk.path in failing), default=99
    )
    shared = sum(2 if _is_telling(word) else 1 for word in words & _changed_words(commit.patch))
    alone = bool(running) and sum(bool(_running(each)) for each in commits.commits) == 1
    rivals = sum(bool(failing.keys() & _running(each)) for each in commits.commits)
    installed = any(_INSTALLED.search(path) for path in running)
    rule, strength = "", 0
    for name, weight, holds in (
        ("it wrote the failing line", 9, bool(wrote)),
        ("it wrote a line near the failing one", 8, bool(near)),
        ("it changed code beside the failing line", 7, touches_failing and beside <= _BESIDE),
        ("it touched the file that failed", 6, touches_failing),
        ("it touched a file of the stack", 5, touched > 0),
        ("it changed what is installed", 4, installed and shared >= 1),
        ("it changed what the failure speaks of", 3, shared >= 2 and bool(running)),
        ("it changed settings", 2, any(_SETTINGS.search(path) for path in running)),
        ("it is the only change", 1, alone),
    ):
        if holds:
            rule, strength = name, weight
            break
    return Suspect(
        commit=commit,
        rule=rule,
        support=Support(
            in_window=True,
            touches_stack=touches_failing or bool(near),
            wrote_failing_line=bool(wrote),
            only_candidate=touches_failing and rivals == 1,
        ),
        commits_id=listed_id,
        blame_id=wrote or near,
        score=(strength, touched, shared),
    )


def _running(commit: CommitSeen) -> set[str]:
    """Return the files of a commit in which something that runs may have changed: not documents, nor mere prose."""
    told: dict[str, bool] = {}
    for hunk in hunks(commit.patch):
        told[hunk.path] = told.get(hunk.path, False) or hunk.runs()
    return {
        path for path in commit.paths if not _DOCUMENT.search(path) and (told.get(path, True) or not _CODE.search(path))
    }


def _of_the_failure(
    blames: Sequence[tuple[Evidence, Blame]], codes: Sequence[Code]
) -> Sequence[tuple[Evidence, Blame]]:
    """Return the blames of the frame that failed, without those of the frames that called it."""
    least = min((code.depth for code in codes), default=0)
    places = {(code.repository, code.path, code.failing_line) for code in codes if code.depth == least}
    found = [each for each in blames if (each[1].repository, each[1].path, each[1].failing_line) in places]
    return found or blames


def _written(commit: str, blames: Sequence[tuple[Evidence, Blame]], distance: int) -> str:
    """Return the id of the blame in which the commit wrote a line so near the failing one, or nothing."""
    for evidence, blame in blames:
        if any(line.commit == commit and abs(line.line - blame.failing_line) <= distance for line in blame.lines):
            return evidence.id
    return ""


def _words(evidence: Sequence[Evidence], codes: Sequence[Code]) -> frozenset[str]:
    """Return the words of the failure: of the exceptions' types and values, and of the failing lines."""
    texts = [f"{exception.type} {exception.value}" for _, event in found(evidence, "event", EventSeen)
             for exception in event.exceptions]  # fmt: skip
    texts += [code.lines[code.failing_line - code.first_line] for code in codes
              if 0 <= code.failing_line - code.first_line < len(code.lines)]  # fmt: skip
    texts += [code.function for code in codes]
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text[:2000])) - _COMMON


def _is_telling(word: str) -> bool:
    """Tell whether a word is a name rather than plain English."""
    return "_" in word or len(word) >= 10


def _changed_words(patch: str) -> frozenset[str]:
    changed = [line for hunk in hunks(patch) for line in hunk.changed]
    return frozenset(word.lower() for line in changed for word in _WORD.findall(line)) - _COMMON
