"""What this machine has for work on code: git, and a way to shut a command in."""

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from premortem.adapters.source_code import confined
from premortem.exceptions import Conflict

_OLDEST = (2, 32)
_SECONDS = 10.0


def tools() -> str:
    """Return git's version, and whether a fix can be checked here. Conflict when there is no git, or an old one."""
    needs = f"{_OLDEST[0]}.{_OLDEST[1]} or newer"
    try:
        words = ["git", "--version"]  # by the name that workers start it by
        said = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Conflict(
            f"git cannot be started here: nothing is read from repositories. It takes git {needs}"
        ) from problem
    require_git(said.stdout)
    with TemporaryDirectory() as tree:
        shut_in = confined.run(Path(tree), ["true"], seconds=_SECONDS, memory_mb=256).isolated
    checks = (
        "patches are checked shut in" if shut_in else "no command can be shut in here, so no patch is checked or sent"
    )
    return f"{said.stdout.strip()}; {checks}"


def require_git(said: str) -> None:
    """Raise Conflict when what `git --version` said is no git that can be used."""
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise Conflict(f"{said.strip() or 'git'} is too old: it takes {_OLDEST[0]}.{_OLDEST[1]} or newer")
