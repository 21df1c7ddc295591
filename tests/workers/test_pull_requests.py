"""A patch that passed its checks becomes one draft, within what the repository allows, or says why it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.code_host.github import GithubCodeHost
from premortem.adapters.code_host.github_client import GithubClient
from premortem.adapters.source_code.git import GitSourceCode
from premortem.domain.evidence import Check, Edit
from premortem.domain.ids import FactId, TenantId
from premortem.domain.incident import fold
from premortem.domain.tasks import OpenPullRequest, answer_id, task_id
from premortem.domain.timeline import (
    FixProposed,
    HumanResponded,
    IncidentFact,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
)
from premortem.domain.work import Work
from premortem.exceptions import Permanent, Retryable
from premortem.ports import Repository
from premortem.workers.pull_requests import PullRequests
from tests.builders import NOW, detected
from tests.github.bare import Bare
from tests.github.double import TOKEN, Double
from tests.github.state import Pull

NAME = "acme/shop"
FILES = {
    "shop/price.py": "def total(prices):\n    return sum(prices) / 0\n",
    "shop/tax.py": "RATE = 19\n",
    ".premortem.toml": 'version = 1\n[pull_requests]\nlabel = "robots"\nopen_at_most = 2\nper_day = 3\n'
    '[patch]\nprotected = ["billing/"]\n[tests]\ncommand = ["python", "-m", "pytest", "-k", "a b"]\n',
    ".github/CODEOWNERS": "* @acme/all\n/shop/ @ann @acme/payments\n",
}
FIX = (Edit("shop/price.py", " / 0", ""),)


def heading(what: str, **changes: Any) -> dict[str, Any]:
    opened = detected()
    values = {
        "id": FactId(what),
        "incident_id": opened.incident_id,
        "tenant_id": opened.tenant_id,
        "project_id": opened.project_id,
        "occurred_at": NOW,
        "v": 2,
    }
    return values | changes


def cause() -> RootCauseProposed:
    said = "It divides by zero, says @octocat."
    return RootCauseProposed(verdict="confirmed", summary=said, confidence=0.9, agent="rules", **heading("cause"))


class World:
    """A worker's handler over the double, a real repository, and the project that it is mapped to."""

    def __init__(self, double: Double, directory: Path, files: dict[str, str] = FILES) -> None:
        self.double, self.bare = double, double.host(NAME, files)
        administration = MemoryAdministration()
        project = administration.create_project(TenantId("acme"), "shop", "Shop", "ab" * 16)
        url = f"file://{self.bare.path}"
        self.repository = Repository(tenant_id=TenantId("acme"), project_id=project.id, name=NAME, clone_url=url)
        administration.add_repository(self.repository)
        self.host = GithubCodeHost(GithubClient(double.url, token=TOKEN))
        source = GitSourceCode(directory / "code")
        self.handler = PullRequests(
            self.host, source, administration, "https://premortem.example", lambda: self.now, lambda: 0.0
        )
        double.at, self.now = NOW // 1000, NOW

    def fix(self, name: str = "fix", edits: tuple[Edit, ...] = FIX, **changes: Any) -> FixProposed:
        values: dict[str, Any] = {
            "summary": "Divide by nothing, fixes #1",
            "patch": "",
            "repository": NAME,
            "base_commit": self.bare.head("main"),
            "edits": edits,
            "checks": (Check(name="tests", state="passed", output="1 passed"),),
            "ready": True,
        }
        return FixProposed(**(values | heading(name) | changes))

    def work(self, *facts: IncidentFact, attempt: int = 1) -> Work[OpenPullRequest]:
        """Return the task that the last fact caused."""
        proposal = facts[-1]
        asked = {name: getattr(proposal, name) for name in ("incident_id", "tenant_id", "project_id")}
        task = OpenPullRequest(
            id=task_id(OpenPullRequest, proposal.id, attempt), caused_by=proposal.id, attempt=attempt, at=NOW, **asked
        )
        timeline = (detected(), cause(), *facts)
        incident = fold(timeline)
        assert incident is not None
        return Work(task, incident, timeline)

    def open(self, *facts: IncidentFact, attempt: int = 1) -> PullRequestOpened:
        work = self.work(*facts, attempt=attempt)
        (fact,) = self.handler(work).facts
        assert isinstance(fact, PullRequestOpened)
        assert fact.id == answer_id(work.task)
        return fact

    def refused(self, *facts: IncidentFact) -> str:
        with pytest.raises(Permanent) as caught:
            self.handler(self.work(*facts))
        return str(caught.value)


@pytest.fixture
def world(github: Double, tmp_path: Path) -> World:
    return World(github, tmp_path)


def test_a_fix_becomes_a_draft_on_a_branch_of_the_incident(world: World) -> None:
    base = world.bare.head("main")
    opened = world.open(world.fix())
    assert opened.branch == f"premortem/{detected().incident_id}/fix-1"
    assert (opened.purpose, opened.base_commit, opened.v) == ("fix", base, 4)
    assert opened.head_commit == world.bare.head(opened.branch)
    assert world.bare.text(opened.branch, "shop/price.py") == "def total(prices):\n    return sum(prices)\n"
    (pull,) = world.double.pulls(NAME)
    assert (pull.draft, pull.base, pull.labels) == (True, "main", ["robots"])
    assert pull.title == "Premortem: Divide by nothing, fixes 1"
    assert pull.body is not None
    assert "`ann`, `acme/payments`" in pull.body
    assert opened.owners == ("ann", "acme/payments")
    assert "@octocat" in pull.body.split("```")[1], "what others wrote stands in code"
    assert "python -m pytest -k 'a b'" in pull.body
    assert "branch has moved on" not in pull.body
    message = world.bare.git("log", "-1", "--format=%B", opened.branch)
    assert message.startswith("Premortem: Divide by nothing, fixes 1\n\nIncident: https://premortem.example/incidents/")


def test_a_second_fix_and_an_instrumentation_have_branches_of_their_own(world: World) -> None:
    first = world.open(world.fix())
    world.double.close(NAME, first.number)
    second = world.open(world.fix(), first, world.fix("again", (Edit("shop/tax.py", "19", "20"),)))
    assert second.branch.endswith("/fix-2")
    world.double.close(NAME, second.number)
    edit = Edit("shop/tax.py", "RATE", "import logging\n\nRATE")
    said: dict[str, Any] = {"summary": "Log it", "patch": "", "repository": NAME, "edits": (edit,), "ready": True}
    record = InstrumentationProposed(base_commit=world.bare.head("main") or "", **said, **heading("record"))
    third = world.open(world.fix(), first, record)
    assert (third.branch.rpartition("/")[2], third.purpose) == ("instrumentation-1", "instrumentation")


def test_asked_for_again_after_any_crash_there_is_one_pull_request_and_one_answer(world: World) -> None:
    world.double.fail(0, matching="POST", skip=3, after=True)
    with pytest.raises(Retryable):
        world.open(world.fix())
    again = world.open(world.fix(), attempt=2)
    third = world.open(world.fix(), attempt=3)
    assert len(world.double.pulls(NAME)) == 1
    assert (again.id, again.number, again.head_commit) == (third.id, third.number, third.head_commit)


def test_where_the_base_has_moved_the_edits_are_applied_anew_and_the_reader_is_told(world: World) -> None:
    fix = world.fix()
    moved = world.bare.commit("main", {"shop/price.py": "# Prices\n" + FILES["shop/price.py"]}, "Say", NOW // 1000)
    opened = world.open(fix)
    assert opened.base_commit == moved
    assert world.bare.text(opened.branch, "shop/price.py") == "# Prices\ndef total(prices):\n    return sum(prices)\n"
    body = world.double.pulls(NAME)[0].body or ""
    assert "The branch has moved on" in body


def test_a_patch_that_no_longer_applies_is_stale(world: World) -> None:
    fix = world.fix()
    world.bare.commit("main", {"shop/price.py": "def total(prices):\n    return 1\n"}, "Mend", NOW // 1000)
    assert world.refused(fix).startswith("stale: main has moved on")
    assert world.double.pulls(NAME) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({".premortem.toml": None}, "does not take part: .premortem.toml is missing"),
        ({".premortem.toml": "version = 1\nsurprise = 2\n"}, "surprise"),
        ({".premortem.toml": 'version = 1\n[patch]\nprotected = ["SHOP/"]\n'}, "protected: shop/price.py"),
        ({".premortem.toml": "version = 1\n[patch]\nmost_lines = 1\n"}, "size"),
    ],
)
def test_a_repository_that_does_not_allow_it_gets_nothing(
    world: World, change: dict[str, str | None], said: str
) -> None:
    world.bare.commit("main", change, "Decide", NOW // 1000)
    assert said in world.refused(world.fix())
    assert world.bare.heads().keys() == {"main"}


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ((Edit(".github/workflows/x.yml", "", "on: push\n"),), "no patch of ours may touch"),
        ((Edit("../x.py", "", "x\n"),), "x.py"),
        ((Edit("shop/tax.py", "19", "19  # ghp_" + "a1B2" * 9),), "secret"),
        ((), "no edits"),
    ],
)
def test_what_no_patch_may_do_is_looked_at_once_more(world: World, edits: tuple[Edit, ...], said: str) -> None:
    assert said in world.refused(world.fix(edits=edits))
    assert world.bare.heads().keys() == {"main"}


def test_no_more_are_open_and_no_more_are_opened_in_a_day_than_the_repository_allows(world: World) -> None:
    others = [f"premortem/other-{number}/fix-1" for number in range(3)]
    for branch in others:
        world.bare.commit(branch, FILES | {"x.py": branch}, "Theirs", NOW // 1000)

    def pull(number: int, state: str) -> Pull:
        made = Pull(number, "t", "b", others[number - 1], "main", True, NOW // 1000 - 60, NAME, state)
        made.head_sha = world.bare.head(made.head) or ""
        return made

    world.double.pulls(NAME).extend([pull(1, "open"), pull(2, "open")])
    assert "2 pull requests of ours are open" in world.refused(world.fix())
    world.double.pulls(NAME)[:] = [pull(1, "open"), pull(2, "closed"), pull(3, "closed")]
    assert "within a day" in world.refused(world.fix())
    world.now += 24 * 3_600_000  # the same task, sent again tomorrow
    assert world.open(world.fix()).number == 4


def test_an_incident_has_one_open_pull_request_at_a_time(world: World) -> None:
    first = world.open(world.fix())
    again = world.fix("again", (Edit("shop/tax.py", "19", "20"),))
    assert first.url in world.refused(world.fix(), first, again)
    rejected = HumanResponded(by="ann", text="no", action="reject_fix", url=first.url, **heading("rejected"))
    assert world.open(world.fix(), first, rejected, again).number == 2


def test_one_that_was_closed_without_our_hearing_of_it_stops_nothing(world: World) -> None:
    first = world.open(world.fix())
    world.double.close(NAME, first.number)
    assert world.open(world.fix(), first, world.fix("again", (Edit("shop/tax.py", "19", "20"),))).number == 2


@pytest.mark.parametrize(
    ("proposal", "said"),
    [
        (lambda world: world.fix(ready=False), "did not pass"),
        (lambda world: world.fix(repository="acme/elsewhere"), "premortem repository add"),
        (lambda world: cause(), "no proposal stands behind"),
    ],
)
def test_a_task_without_a_proposal_that_may_be_opened_is_given_up(
    world: World, proposal: Callable[[World], IncidentFact], said: str
) -> None:
    assert said in world.refused(proposal(world))


def test_a_host_that_is_away_is_asked_again_later(world: World) -> None:
    world.double.fail(503)
    with pytest.raises(Retryable):
        world.open(world.fix())


def test_hostile_proposals_change_files_of_the_repository_and_nothing_else(world: World) -> None:
    bare: Bare = world.bare
    text = "`````` @octocat fixes #1 <script> https://evil.example"
    opened = world.open(world.fix(summary=text, explanation=text, risk=text))
    assert bare.git("diff", "--name-only", "main", opened.branch).split() == ["shop/price.py"]
    assert "@" not in bare.git("log", "-1", "--format=%B", opened.branch)


def test_one_that_is_open_is_answered_for_whatever_the_repository_allows_by_now(world: World) -> None:
    opened = world.open(world.fix())
    fix = world.fix()
    world.bare.commit("main", {".premortem.toml": None, "shop/price.py": "x = 1\n"}, "Leave", NOW // 1000)
    assert world.open(fix, attempt=2).number == opened.number
