"""The command line as a person or a program runs it: a process a command, over one stack a module."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from premortem.embedded import stack
from premortem.settings import Settings

ROOT = Path(__file__).parents[2]
# One interpreter imports once and forks for each command, which costs a twentieth of starting an interpreter anew. It
# has no thread and no connection when it forks, and the child is what `premortem` is: main() with its arguments.
_WARM = """
import json, os, sys
import httpx, openai, premortem.cli.diagnosis, premortem.cli.dsns
from premortem.cli import main
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in enumerate(order["files"], 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["premortem", *order["arguments"]]
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Runner:
    """Runs commands, one at a time."""

    def __init__(self, directory: Path) -> None:
        self._files = [directory / "stdout", directory / "stderr"]
        self._warm = subprocess.Popen(
            [sys.executable, "-c", _WARM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def run(self, arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        assert self._warm.stdin
        assert self._warm.stdout
        order = {"files": [*map(str, self._files)], "environment": environment, "arguments": arguments}
        self._warm.stdin.write(json.dumps(order) + "\n")
        self._warm.stdin.flush()
        code = int(self._warm.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, *(file.read_text() for file in self._files))

    def close(self) -> None:
        self._warm.communicate()


class Cli:
    """The command line over one data directory."""

    def __init__(self, runner: Runner, data: Path, **more: str) -> None:
        self.data, self._runner = data, runner
        ports = {f"PREMORTEM_{name}_PORT": "0" for name in ("HTTP", "POSTGRES", "CLICKHOUSE")}
        self._environment = {"PREMORTEM_DATA_DIR": str(data), **ports, **more}

    def run(self, *arguments: str, code: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command, with more environment if given, and see that it exits with `code` (None: with any)."""
        done = self._runner.run(arguments, {**os.environ, **self._environment, **more})
        assert code in (None, done.returncode), (arguments, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str, code: int | None = 0, **more: str) -> Any:
        return orjson.loads(self.run(*arguments, "--json", code=code, **more).stdout)

    def refusal(self, *arguments: str, **more: str) -> str:
        """Return the one line that says why a command failed."""
        said = self.run(*arguments, code=1, **more).stderr
        assert said.startswith("premortem: ")
        assert len(said.splitlines()) == 1, said
        return said

    def settings(self) -> Settings:
        return stack.resolve(Settings(data_dir=self.data, http_port=0, postgres_port=0, clickhouse_port=0))


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(tmp_path_factory.mktemp("runner"))
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Iterator[Cli]:
    """The command line over a stack that runs."""
    cli = Cli(runner, tmp_path_factory.mktemp("cli") / "data")
    try:
        up = cli.json("up")
        assert set(up) == {"dsn", "project", "url"}
        yield cli
    finally:
        stack.stop(Settings(data_dir=cli.data))


@pytest.fixture
def nothing(tmp_path: Path, runner: Runner) -> Cli:
    """The command line where nothing was ever started."""
    return Cli(runner, tmp_path / "data")
