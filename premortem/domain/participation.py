"""`.premortem.toml`: how a repository takes part. Without the file at the branch's head, nothing is proposed to it."""

from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

OPT_IN = ".premortem.toml"
"""Where the file is, from the repository's root."""

_Label = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Word = Annotated[str, Meta(min_length=1, max_length=200)]
_Pattern = Annotated[str, Meta(min_length=1, max_length=200)]


class PullRequests(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many drafts there may be, and what they are marked with."""

    label: _Label = "premortem"
    open_at_most: Annotated[int, Meta(ge=1, le=20)] = 3
    per_day: Annotated[int, Meta(ge=1, le=50)] = 5


class Patch(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a patch may reach; it may narrow what Premortem allows, never widen it."""

    most_files: Annotated[int, Meta(ge=1, le=5)] = 5
    most_lines: Annotated[int, Meta(ge=1, le=200)] = 200
    protected: Annotated[tuple[_Pattern, ...], Meta(max_length=100)] = ()
    """Files that no patch touches: `billing/` = everything below it, `*` and `?` as in a shell, upper case or lower."""


class Tests(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What proves a patch: run without network, in a throw-away checkout."""

    command: Annotated[tuple[_Word, ...], Meta(max_length=50)] = ()
    """Words, not a line of a shell. Empty = there are no tests to run."""
    seconds: Annotated[int, Meta(ge=1, le=1800)] = 300
    memory_mb: Annotated[int, Meta(ge=64, le=16384)] = 2048


class Participation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    version: Annotated[int, Meta(ge=1, le=1)]
    pull_requests: PullRequests = PullRequests()
    patch: Patch = Patch()
    tests: Tests = Tests()


def parse(text: str) -> Participation:
    """Return what the file says. Raises ValueError, with the line or the name, for a file that keeps not to its shape.

    Unknown names are refused: a limit that is misspelt would limit nothing.
    """
    try:
        return msgspec.toml.decode(text, type=Participation)
    except msgspec.MsgspecError as exception:
        raise ValueError(f"{OPT_IN}: {exception}") from exception


def protecting(participation: Participation, path: str) -> str | None:
    """Return the pattern that protects `path`, or None."""
    plain = path.casefold()
    for pattern in participation.patch.protected:
        wanted = pattern.casefold().removeprefix("./").removeprefix("/")
        below = f"{wanted.removesuffix('/')}/"
        if fnmatchcase(plain, wanted) or fnmatchcase(plain, f"{below}*"):
            return pattern
    return None
