"""Git's command line over repositories that nobody vouches for: no hooks, no filters, no configuration but ours."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from premortem.adapters.source_code.bounded_run import bounded_run
from premortem.exceptions import Malformed, Unavailable

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.quotePath": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "20",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "transfer.credentialsInUrl": "allow",
}
"""What every command is told. `protocol.allow` stays so for all that only reads: then git fetches nothing by itself,
not even an object that a partial clone has left behind."""

READ_SECONDS = 30.0
_ERROR_BYTES = 2_000


class Git:
    """Runs git in one bare repository. Nothing of the user's configuration, hooks or environment takes part."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, *words: str, most_bytes: int = 1 << 20, seconds: float = READ_SECONDS) -> tuple[bytes, bool]:
        """Return what a command says and whether that was cut at `most_bytes`. Raises Malformed when it refuses what
        was asked, Unavailable when it takes too long.
        """
        return self.run(words, most_bytes=most_bytes, seconds=seconds)

    def asks(self, *words: str, seconds: float = READ_SECONDS) -> bool:
        """Return whether a command that answers by its exit code says yes (0) or no (1)."""
        code, _, said = self._run(words, {}, {}, 1 << 12, seconds)
        if code in (0, 1):
            return code == 0
        raise _refused(words, code, said)

    def text(self, *words: str, most_bytes: int = 1 << 20) -> str:
        """Return what a command says as text, bytes that are no UTF-8 replaced."""
        return self.read(*words, most_bytes=most_bytes)[0].decode(errors="replace")

    def run(
        self,
        words: Sequence[str],
        *,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        most_bytes: int = 1 << 20,
        seconds: float = READ_SECONDS,
        most_file_bytes: int | None = None,
    ) -> tuple[bytes, bool]:
        """Return what `read` does, for a command with settings and variables of its own, which ends when a file that it
        writes grows beyond `most_file_bytes`.
        """
        code, (out, cut), said = self._run(
            words, settings or {}, environment or {}, most_bytes, seconds, most_file_bytes
        )
        if code == 0 or (cut and code is None):
            return out, cut
        raise _refused(words, code, said)

    def _run(
        self,
        words: Sequence[str],
        settings: Mapping[str, str],
        environment: Mapping[str, str],
        most_bytes: int,
        seconds: float,
        most_file_bytes: int | None = None,
    ) -> tuple[int | None, tuple[bytes, bool], str]:
        with tempfile.TemporaryFile() as errors, _found():
            ended = bounded_run(
                ["git", "--no-pager", "--literal-pathspecs", *words],
                environment=_environment(self.directory, {**_SETTINGS, **settings}) | dict(environment),
                directory=self.directory,
                seconds=seconds,
                most_bytes=most_bytes,
                errors=errors.fileno(),
                most_file_bytes=most_file_bytes,
            )
            errors.seek(0)
            said = errors.read(_ERROR_BYTES).decode(errors="replace")
        return ended.code, (ended.out, ended.cut), said


@contextmanager
def _found() -> Iterator[None]:
    """Say what mends it when there is no git."""
    try:
        yield
    except FileNotFoundError as problem:
        raise Unavailable("git cannot be started. Is it installed (2.32 or newer)?") from problem


def _environment(directory: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a command. Settings travel in it, so that no secret stands on a command line."""
    numbered = {
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{index}": name for index, name in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{index}": value for index, value in enumerate(settings.values())},
    }
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(directory),
        "GIT_DIR": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        **numbered,
    }


def _refused(words: Sequence[str], code: int | None, said: str) -> Exception:
    command = next((word for word in words if not word.startswith("-")), "")
    if code is None:
        return Unavailable(f"git {command} did not end in time.")
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))] or said.splitlines()
    return Malformed(f"git {command}: {' '.join(' '.join(lines).split())[:300] or f'it ended with {code}'}")
