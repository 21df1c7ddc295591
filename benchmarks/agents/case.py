"""What a case is: a repository, the change that broke it, changes that did not, and a call that fails since."""

from typing import Literal

from msgspec import Struct


class Change(Struct, frozen=True):
    """A commit: replacements of texts that occur once, and whole files."""

    subject: str
    edits: tuple[tuple[str, str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """A bug of a kind. `earlier` and `later` are changes of the same release as the bad one, which broke nothing."""

    name: str
    kind: str
    files: dict[str, str]
    bad: Change
    earlier: tuple[Change, ...] = ()
    later: tuple[Change, ...] = ()
    call: str
    """Python that fails at the bad release and does not at the good one."""
    right_file: str
    """Where the fix belongs."""
    modules: tuple[dict[str, str], dict[str, str]] = ({}, {})
    """Modules from elsewhere, as installed with the good release and with the bad one."""
    environment: tuple[dict[str, str], dict[str, str]] = ({}, {})
    fails: Literal["always", "sometimes"] = "always"
    gap: str = ""
    """For a case with too little context: the missing piece that has to be named; no cause is to be claimed then."""
    withheld: tuple[str, ...] = ()
    """What the context is kept from: repository, variables, releases."""


DOCS = Change("say more in the readme", files=(("README.md", "A shop.\n\nIt sells things.\n"),))
STYLE = Change("a logo", files=(("assets/logo.svg", "<svg/>\n"),))


def change(subject: str, path: str, old: str, new: str) -> Change:
    """Return a commit that replaces one text."""
    return Change(subject, ((path, old, new),))
