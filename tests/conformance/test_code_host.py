"""Every code host keeps the promise of `ports.CodeHost`."""

from typing import Any

import pytest

from premortem.adapters.code_host.github import GithubCodeHost
from premortem.adapters.code_host.github_client import GithubClient
from premortem.adapters.code_host.memory import MemoryCodeHost
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Malformed
from premortem.ports import CodeHost, Draft, Repository
from tests.github.double import TOKEN, Double

NAME = "acme/shop"
FILES = {"shop/price.py": "total = 0\n", "README.md": "# Shop\n"}
NOW = 1_795_360_907_000


def repository(name: str = NAME) -> Repository:
    return Repository(tenant_id=TenantId("acme"), project_id=ProjectId(1), name=name, clone_url="unused")


class MemoryWorld:
    """The memory code host with a person's hands."""

    def __init__(self) -> None:
        self.host = MemoryCodeHost({NAME: FILES})
        self.base = self.host.BASE
        self.pass_to(NOW)

    def pass_to(self, at: int) -> None:
        self.host.at = at

    def merge(self, number: int) -> None:
        self.host.merge(repository(), number)

    def close(self, number: int) -> None:
        self.host.close(repository(), number)


class GithubWorld:
    """GitHub's adapter over the double."""

    def __init__(self, double: Double) -> None:
        self._double = double
        bare = double.host(NAME, FILES)
        self.host = GithubCodeHost(GithubClient(double.url, token=TOKEN))
        self.base = bare.head("main") or ""
        self.pass_to(NOW)

    def pass_to(self, at: int) -> None:
        self._double.at = at // 1000

    def merge(self, number: int) -> None:
        self._double.merge(NAME, number)

    def close(self, number: int) -> None:
        self._double.close(NAME, number)


World = MemoryWorld | GithubWorld


@pytest.fixture(params=["memory", "github"])
def world(request: pytest.FixtureRequest) -> World:
    return MemoryWorld() if request.param == "memory" else GithubWorld(request.getfixturevalue("github"))


def draft(world: World, branch: str = "premortem/i-1/fix-1", **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "branch": branch,
        "base_branch": "main",
        "base_commit": world.base,
        "title": "Count the total",
        "body": "Why.",
        "message": "Count the total",
        "files": {"shop/price.py": "total = 1\n"},
        "labels": ("premortem",),
    }
    return Draft(**(values | changes))


def test_what_is_opened_is_a_draft_and_is_found_by_branch_and_number(world: World) -> None:
    host: CodeHost = world.host
    opened = host.open_pull_request(repository(), draft(world))
    assert (opened.state, opened.branch, opened.merge_commit) == ("draft", "premortem/i-1/fix-1", "")
    assert len(opened.head_commit) == 40
    assert opened.head_commit != world.base
    assert opened.url.endswith(f"/{NAME}/pull/{opened.number}")
    assert host.find(repository(), "premortem/i-1/fix-1") == opened
    assert host.pull_request(repository(), opened.number) == opened
    assert host.find(repository(), "premortem/i-1/fix-2") is None


def test_asked_for_twice_it_is_there_once(world: World) -> None:
    first = world.host.open_pull_request(repository(), draft(world))
    assert world.host.open_pull_request(repository(), draft(world, title="Another")) == first
    assert world.host.open_count(repository(), "premortem/") == 1


def test_what_was_closed_or_merged_is_not_opened_again(world: World) -> None:
    closed = world.host.open_pull_request(repository(), draft(world))
    merged = world.host.open_pull_request(repository(), draft(world, "premortem/i-2/fix-1"))
    world.close(closed.number)
    world.merge(merged.number)
    assert world.host.open_pull_request(repository(), draft(world)).state == "closed"
    again = world.host.open_pull_request(repository(), draft(world, "premortem/i-2/fix-1"))
    assert (again.number, again.state, len(again.merge_commit)) == (merged.number, "merged", 40)
    assert world.host.pull_request(repository(), closed.number).merge_commit == ""


def test_open_ones_are_counted_by_how_their_branch_begins(world: World) -> None:
    for number in (1, 2, 3):
        world.host.open_pull_request(repository(), draft(world, f"premortem/i-{number}/fix-1"))
    world.host.open_pull_request(repository(), draft(world, "someone/else"))
    world.close(world.host.open_pull_request(repository(), draft(world, "premortem/i-3/fix-1")).number)
    assert world.host.open_count(repository(), "premortem/") == 2
    assert world.host.open_count(repository(), "premortem/i-2/") == 1


def test_those_of_a_day_are_counted_whatever_became_of_them(world: World) -> None:
    day = 86_400_000
    world.host.open_pull_request(repository(), draft(world, "premortem/i-1/fix-1"))
    world.pass_to(NOW + day)
    closed = world.host.open_pull_request(repository(), draft(world, "premortem/i-2/fix-1"))
    world.host.open_pull_request(repository(), draft(world, "someone/else"))
    world.close(closed.number)
    assert world.host.opened_since(repository(), "premortem/", NOW) == 2
    assert world.host.opened_since(repository(), "premortem/", NOW + day) == 1
    assert world.host.opened_since(repository(), "premortem/", NOW + day + 1000) == 0


def test_what_cannot_be_is_malformed(world: World) -> None:
    for wrong in (draft(world, base_commit="c" * 40), draft(world, files={"shop/price.py": "total = 0\n"})):
        with pytest.raises(Malformed):
            world.host.open_pull_request(repository(), wrong)
    with pytest.raises(Malformed):
        world.host.pull_request(repository(), 17)
    with pytest.raises(Malformed):
        world.host.open_pull_request(repository("acme/unknown"), draft(world))
    assert world.host.open_count(repository(), "") == 0
