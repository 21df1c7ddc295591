"""What administration refuses, whatever keeps it."""

import re
from typing import get_args

from premortem.adapters.source_code.guards import check_branch, check_paths, protocol
from premortem.exceptions import Malformed
from premortem.ports import DeployedBy, Repository

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){1,4}\Z")
_ENVIRONMENT = re.compile(r"[^/\s]{1,64}\Z")
_KEY = re.compile(r"[0-9a-f]{32}\Z")


def check_slug(slug: str) -> None:
    """Raise Malformed unless `slug` is 1 to 63 lower-case letters, digits, dashes or underscores."""
    if not _SLUG.match(slug):
        raise Malformed(f"{slug[:80]!r} is no short name. Use 1 to 63 lower-case letters, digits, - and _.")


def check_key(public_key: str) -> None:
    """Raise Malformed unless the key is 32 lower-case hexadecimal digits, as every SDK accepts."""
    if not _KEY.match(public_key):
        raise Malformed("a public key is 32 lower-case hexadecimal digits.")


def check_secret(secret: str) -> None:
    """Raise Malformed for an empty secret: everybody could sign with it."""
    if not secret.strip():
        raise Malformed("an integration's secret must not be empty.")


def check_limit(events_per_minute: int) -> None:
    """Raise Malformed for a limit that is no number of events."""
    if not 0 <= events_per_minute <= 1 << 30:
        raise Malformed("a limit is a number of events a minute, 0 = none.")


def check_repository(repository: Repository) -> None:
    """Raise Malformed for a repository that git could not be asked for, or whose paths would leave it."""
    if not _REPOSITORY.match(repository.name):
        raise Malformed(f"{repository.name[:80]!r} is no name of a repository. Use owner/name.")
    protocol(repository.clone_url)
    check_branch(repository.branch)
    check_paths([repository.path_prefix] if repository.path_prefix else [])
    if repository.deployed_by not in get_args(DeployedBy):
        raise Malformed(
            f"nothing deploys by {repository.deployed_by[:80]!r}. Use one of: {', '.join(get_args(DeployedBy))}."
        )
    if not _ENVIRONMENT.match(repository.environment):
        raise Malformed(f"{repository.environment[:80]!r} is no environment (1 to 64 characters, no space, no slash).")
    if len(repository.release_prefix) > 100 or not repository.release_prefix.isprintable():
        raise Malformed("a prefix of releases is at most 100 characters that can be seen.")
