"""Which files a patch may touch, and how much of them: what runs by itself, or decides what runs, is out of reach."""

import re
import unicodedata
from collections.abc import Collection, Sequence

from premortem.agents.checks.texts import Changed
from premortem.domain.evidence import Check

MOST_FILES, MOST_LINES = 5, 200

_DENIED = re.compile(
    r"(?:^|/)(?:\.github|\.circleci|\.vscode|\.cursor|\.idea|\.devcontainer|\.git[^/]*|\.mcp[^/]*|\.husky|\.buildkite"
    r"|migrations?|alembic|requirements|node_modules|vendor|secrets?|credentials?)(?:/|$)"
    r"|(?:^|/)(?:\.gitlab-ci[^/]*|jenkinsfile[^/]*|azure-pipelines[^/]*|bitbucket-pipelines[^/]*|\.travis\.yml"
    r"|agents\.md|claude\.md|gemini\.md|\.pre-commit[^/]*|pyproject\.toml|setup\.(?:py|cfg)|conftest\.py|sitecustomize\.py"
    r"|usercustomize\.py|tox\.ini|noxfile\.py|pipfile|requirements[^/]*|constraints[^/]*|package(?:-lock)?\.json"
    r"|go\.(?:mod|sum)|cargo\.toml|gemfile|composer\.json|pom\.xml|build\.gradle[^/]*|dockerfile[^/]*|docker-compose[^/]*"
    r"|makefile|rakefile|justfile|codeowners|\.premortem\.toml|\.npmrc|\.netrc|id_[rd]sa[^/]*|\.env[^/]*|\.envrc)$"
    r"|\.(?:lock|sh|bash|zsh|ps1|bat|cmd|code-workspace|pem|key|p12|pfx|jks|pth|so|dll|exe|whl|zip|tar|gz)$"
)
"""Compared with the path's NFKC form in lower case."""


def allowed_paths(changes: Sequence[Changed], resolved: Collection[str] | None) -> Check:
    """Return whether every path is one that a patch may touch.

    `resolved` = the files that code found from the stack or the suspect change; None = not asked.
    """
    wrong = [said for change in changes if (said := _wrong(change.path, resolved))]
    return Check(name="paths", state="failed" if wrong else "passed", output="; ".join(wrong))


def size(changes: Sequence[Changed], most_files: int = MOST_FILES, most_lines: int = MOST_LINES) -> Check:
    """Return whether the patch is small enough to be read."""
    lines = sum(change.changed_lines() for change in changes)
    said = f"{len(changes)} files, {lines} lines; at most {most_files} and {most_lines}"
    fits = 0 < len(changes) <= most_files and 0 < lines <= most_lines
    return Check(name="size", state="passed" if fits else "failed", output=said)


def _wrong(path: str, resolved: Collection[str] | None) -> str:
    plain = unicodedata.normalize("NFKC", path)
    parts = path.split("/")
    if plain != path or "\\" in path or ":" in path or any(unicodedata.category(c)[0] == "C" for c in path):
        return f"{path!a} is no plain path"
    if (
        not path
        or path.startswith(("/", "~", "-"))
        or any(part in ("", ".", "..") or part != part.strip() for part in parts)
    ):
        return f"{path!r} does not stay inside the repository"
    if _DENIED.search(plain.casefold()):
        return f"{path} is a file that no patch of ours may touch"
    if resolved is not None and path not in resolved:
        return f"{path} is no file that the stack or the suspect change led to"
    return ""
