"""Which files a patch may touch, and how much of them: what runs by itself, or decides what runs, is out of reach."""

import re
import unicodedata
from collections.abc import Collection, Sequence

from premortem.agents.checks.texts import Changed, unified
from premortem.domain.evidence import Check

MOST_FILES, MOST_LINES = 5, 200
MOST_CHARACTERS = 50_000
"""Of the diff, with what stands around a change: a fact has to fit into a record of the log."""

_FOLDERS = (
    r"\.github|\.circleci|\.vscode|\.cursor[^/]*|\.idea|\.devcontainer|\.git[^/]*|git~\d+|\.mcp[^/]*|\.husky|\.buildkite"
    r"|\.claude[^/]*|\.windsurf[^/]*|\.copilot[^/]*|\.aider[^/]*|\.ssh|\.aws|\.gnupg|\.kube|\.yarn|\.mvn|\.lefthook"
    r"|migrat(?:e|ions?)|alembic|requirements|node_modules|vendor|secrets?|credentials?|terraform|helm|k8s|kubernetes"
)
_FILES = (
    r"\.gitlab-ci[^/]*|jenkinsfile[^/]*|azure-pipelines[^/]*|bitbucket-pipelines[^/]*|\.travis\.yml|\.drone\.yml"
    r"|appveyor[^/]*|cloudbuild[^/]*|renovate[^/]*|dependabot[^/]*|lefthook[^/]*|\.pre-commit[^/]*|codeowners[^/]*"
    r"|agents\.md|claude\.md|gemini\.md|copilot-instructions\.md|\.premortem\.toml"
    r"|pyproject\.toml|setup\.(?:py|cfg)|conftest\.py|sitecustomize\.py|usercustomize\.py|manage\.py|fabfile\.py"
    r"|dodo\.py|noxfile\.py|wscript|sconstruct|snakefile|tox\.ini|pytest\.ini|mypy\.ini|\.coveragerc|pipfile|uv\.toml|pdm\.toml"
    r"|hatch\.toml|environment\.ya?ml|[^/]*requirements[^/]*|constraints[^/]*"
    r"|package(?:-lock)?\.json|npm-shrinkwrap\.json|pnpm-[^/]*|bun\.lockb|deno\.jsonc?|tsconfig[^/]*|[^/]*\.config\.[cm]?[jt]s"
    r"|\.(?:npm|yarn|babel|eslint|prettier|net|pypi|bash|zsh|env)rc[^/]*|\.profile|\.env[^/]*|gulpfile[^/]*|gruntfile[^/]*"
    r"|go\.(?:mod|sum)|cargo\.toml|build\.rs|gemfile|guardfile|capfile|dangerfile|fastfile|config\.ru|mix\.exs|package\.swift"
    r"|composer\.json|pom\.xml|build\.xml|(?:build|settings)\.gradle[^/]*|gradlew|gradle-wrapper[^/]*|mvnw|nuget\.config"
    r"|directory\.build[^/]*|cmakelists\.txt|meson\.build|configure|build(?:\.bazel)?|workspace(?:\.bazel)?|brewfile"
    r"|dockerfile[^/]*|containerfile[^/]*|\.dockerignore|(?:docker-)?compose[^/]*\.ya?ml|vagrantfile|procfile|earthfile"
    r"|tiltfile|makefile|rakefile|justfile|taskfile\.ya?ml|serverless\.ya?ml|app\.yaml|crontab|\.tool-versions|\.?mise\.toml"
    r"|id_(?:[rd]sa|ecdsa|ed25519)[^/]*"
)
_ENDINGS = (
    r"lock|sh|bash|zsh|fish|ps1|psm1|bat|cmd|com|vbs|wsf|hta|lnk|url|desktop|scr|code-workspace|pem|key|p12|pfx|jks|pth"
    r"|egg-link|so|dll|dylib|pyd|py[co]|pyw|exe|jar|war|class|wasm|node|whl|zip|tar|gz|ipynb|service|timer|gemspec"
    r"|csproj|vbproj|fsproj|sln|targets|props|mk|cmake|tf|tfvars"
)
_DENIED = re.compile(rf"(?:^|/)(?:{_FOLDERS})(?:/|$)|(?:^|/)(?:{_FILES})$|\.(?:{_ENDINGS})$")
"""Compared with the path's NFKC form in lower case."""
_WINDOWS = re.compile(r"(?:^|/)(?:con|prn|aux|nul|(?:com|lpt)\d)(?:\.[^/]*)?(?:/|$)|[.<>\"|?*](?:/|$)")
"""Names that Windows takes for a device, or writes as another name."""


def allowed_paths(changes: Sequence[Changed], resolved: Collection[str] | None) -> Check:
    """Return whether every path is one that a patch may touch.

    `resolved` = the files that code found from the stack or the suspect change; None = not asked.
    """
    wrong = [said for change in changes if (said := _wrong(change.path, resolved))]
    return Check(name="paths", state="failed" if wrong else "passed", output="; ".join(wrong))


def size(changes: Sequence[Changed], most_files: int = MOST_FILES, most_lines: int = MOST_LINES) -> Check:
    """Return whether the patch is small enough to be read."""
    lines = sum(change.changed_lines() for change in changes)
    characters = len(unified(changes))
    said = f"{len(changes)} files, {lines} lines; at most {most_files} and {most_lines}"
    if characters > MOST_CHARACTERS:
        said += f"; {characters} characters, at most {MOST_CHARACTERS}"
    fits = 0 < len(changes) <= most_files and 0 < lines <= most_lines and characters <= MOST_CHARACTERS
    return Check(name="size", state="passed" if fits else "failed", output=said)


def _wrong(path: str, resolved: Collection[str] | None) -> str:
    plain = unicodedata.normalize("NFKC", path)
    parts = path.split("/")
    if plain != path or any(char in "\\:" or _is_unseen(char) for char in path) or _WINDOWS.search(path.casefold()):
        return f"{path!a} is no plain path"
    if path.startswith(("~", "-")) or any(part in ("", ".", "..") or part != part.strip() for part in parts):
        return f"{path!r} does not stay inside the repository"
    if any(_DENIED.search(form) for form in (path.casefold(), _as_ascii(path))):
        return f"{path} is a file that no patch of ours may touch"
    if resolved is not None and path not in resolved:
        return f"{path} is no file that the stack or the suspect change led to"
    return ""


def _is_unseen(char: str) -> bool:
    """Tell whether a letter cannot be seen: of control or direction, or a space other than the plain one."""
    category = unicodedata.category(char)
    return category[0] == "C" or (category[0] == "Z" and char != " ")


def _as_ascii(path: str) -> str:
    """Return what file systems that know no marks on letters may make of it: a dotless i is an i there."""
    bare = unicodedata.normalize("NFKD", path.upper().casefold())
    return "".join(char for char in bare if not unicodedata.combining(char))
