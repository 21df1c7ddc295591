"""What became of a pull request is found out without a webhook too, and is the same fact."""

from typing import Any

import pytest

from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.code_host.memory import MemoryCodeHost
from premortem.domain.ids import FactId, ProjectId, TenantId
from premortem.domain.incident import fold
from premortem.domain.pull_request_ends import Said, closed, merged
from premortem.domain.tasks import WatchPullRequest, task_id
from premortem.domain.timeline import FixApplied, HumanResponded, IncidentFact, PullRequestOpened
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent, Unavailable
from premortem.ports import Draft, PullRequestState, Repository
from premortem.workers.pull_request_watch import PullRequestWatch
from tests.builders import NOW, detected

NAME, HOUR = "acme/shop", 3_600_000


class AwayHost(MemoryCodeHost):
    """A code host that can be taken away."""

    away = False

    def pull_request(self, repository: Repository, number: int) -> PullRequestState:
        if self.away:
            raise Unavailable("no answer.")
        return super().pull_request(repository, number)


class World:
    """A pull request that was opened, and who watches it."""

    def __init__(self) -> None:
        self.host = AwayHost({NAME: {"a.py": "x = 1\n"}})
        self.administration = MemoryAdministration()
        project = self.administration.create_project(TenantId("acme"), "shop", "Shop", "ab" * 16)
        self.repository = Repository(
            tenant_id=TenantId("acme"), project_id=project.id, name=NAME, clone_url="https://x.example/acme/shop.git"
        )
        self.administration.add_repository(self.repository)
        draft = Draft(
            branch="premortem/i/fix-1",
            base_branch="main",
            base_commit=self.host.BASE,
            title="t",
            body="b",
            message="m",
            files={"a.py": "x = 2\n"},
        )
        self.pull = self.host.open_pull_request(self.repository, draft)
        self.opened = PullRequestOpened(
            **self.about("opened"), repository=NAME, number=self.pull.number, url=self.pull.url, branch=self.pull.branch
        )
        self.facts: list[IncidentFact] = [detected(), self.opened]

    @staticmethod
    def about(name: str) -> dict[str, Any]:
        found = detected()
        whose = {"incident_id": found.incident_id, "tenant_id": found.tenant_id, "project_id": found.project_id}
        return {"id": FactId(name), "occurred_at": NOW, **whose}

    def watch(self, caused_by: str = "opened") -> Answer:
        whose = {name: value for name, value in self.about("").items() if name not in ("id", "occurred_at")}
        task = WatchPullRequest(
            id=task_id(WatchPullRequest, FactId(caused_by)), caused_by=FactId(caused_by), at=NOW + HOUR, **whose
        )
        incident = fold(self.facts)
        assert incident is not None
        return PullRequestWatch(self.host, self.administration)(Work(task, incident, tuple(self.facts)))


@pytest.fixture
def world() -> World:
    return World()


def test_while_it_is_open_there_is_nothing_to_say(world: World) -> None:
    assert world.watch() == Answer()


def test_a_merge_is_the_fact_that_the_webhook_makes_of_it(world: World) -> None:
    world.host.merge(world.repository, 1)
    (fact,) = world.watch().facts
    assert isinstance(fact, FixApplied)
    commit = world.host.pull_request(world.repository, 1).merge_commit
    assert (fact.commit, fact.occurred_at) == (commit, NOW + HOUR)
    incident = fold(world.facts)
    assert incident is not None
    assert fact.id == merged(incident, NAME, 1, commit, NOW).id
    world.facts.append(fact)
    assert world.watch() == Answer(), "it is known by now"


def test_a_close_is_the_fact_that_the_webhook_makes_of_it(world: World) -> None:
    world.host.close(world.repository, 1)
    (fact,) = world.watch().facts
    assert isinstance(fact, HumanResponded)
    assert (fact.action, fact.url) == ("reject_fix", world.pull.url)
    incident = fold(world.facts)
    assert incident is not None
    said = Said(by="ann", text="no", url=world.pull.url, at=NOW)
    assert fact.id == closed(incident, NAME, 1, said).id


def test_a_host_that_is_away_is_asked_another_time(world: World) -> None:
    world.host.away = True
    assert world.watch() == Answer()


def test_what_cannot_be_looked_at_any_more_is_said(world: World) -> None:
    with pytest.raises(Permanent, match="sent by hand"):
        world.watch("another")
    world.administration.remove_repository(TenantId("acme"), ProjectId(world.repository.project_id), NAME)
    with pytest.raises(Permanent, match="premortem repository add"):
        world.watch()
