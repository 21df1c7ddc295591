"""A machine without git, or with one that is too old, is told so; what it has is named."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from premortem.adapters.source_code.tools import require_git, tools
from premortem.exceptions import Conflict


@pytest.fixture
def nothing_installed(tmp_path: Path) -> Iterator[None]:
    path = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        yield
    finally:
        os.environ["PATH"] = path


def test_git_is_named_with_what_it_can_do() -> None:
    said = tools()
    assert said.startswith("git version 2.")
    assert "patch" in said


@pytest.mark.usefixtures("nothing_installed")
def test_no_git_is_said_with_the_mend() -> None:
    with pytest.raises(Conflict, match=r"git 2\.32 or newer"):
        tools()


@pytest.mark.parametrize("said", ["git version 2.31.9", "git version 1.99", "", "gat"])
def test_an_old_git_is_refused(said: str) -> None:
    with pytest.raises(Conflict, match=r"2\.32 or newer"):
        require_git(said)


@pytest.mark.parametrize("said", ["git version 2.32.0", "git version 2.39.5 (Apple Git-154)", "git version 3.0"])
def test_a_newer_one_is_fine(said: str) -> None:
    require_git(said)
