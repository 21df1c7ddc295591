"""GitHub's adapter when things go wrong: calls that break off, limits, rights, forks, branches that are taken."""

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any

import pytest
from msgspec.structs import replace

from premortem.adapters.code_host.github import GithubCodeHost
from premortem.adapters.code_host.github_client import GithubClient
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Draft, Repository
from tests.github.bare import Bare
from tests.github.double import TOKEN, Double
from tests.github.state import Application

NAME, BRANCH = "acme/shop", "premortem/i-1/fix-1"
SHOP = Repository(tenant_id=TenantId("acme"), project_id=ProjectId(1), name=NAME, clone_url="unused")
FILES = {"shop/price.py": "total = 0\n", "shop/tax/vat.py": "rate = 19\n", "README.md": "# Shop\n"}


@pytest.fixture
def bare(github: Double) -> Bare:
    return github.host(NAME, FILES)


@pytest.fixture
def host(github: Double) -> GithubCodeHost:
    return GithubCodeHost(GithubClient(github.url, token=TOKEN))


def draft(bare: Bare, **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "branch": BRANCH,
        "base_branch": "main",
        "base_commit": bare.head("main") or "",
        "title": "Count the total",
        "body": "Why.",
        "message": "Count the total",
        "files": {"shop/price.py": "total = 1\n"},
        "labels": ("premortem",),
    }
    return Draft(**(values | changes))


def branches(bare: Bare) -> list[str]:
    return bare.git("for-each-ref", "--format=%(refname:short)", "refs/heads/premortem").split()


def test_the_branch_is_one_commit_that_makes_the_drafts_changes_and_no_others(
    github: Double, bare: Bare, host: GithubCodeHost
) -> None:
    files = {"shop/price.py": "total = 1\r\n", "shop/new/name.py": "é = '\U0001f6d2'\n", "README.md": None}
    opened = host.open_pull_request(SHOP, draft(bare, files=files))
    assert bare.git("diff", "--name-status", "main", BRANCH).split() == [
        *("D", "README.md"),
        *("A", "shop/new/name.py"),
        *("M", "shop/price.py"),
    ]
    assert bare.git("cat-file", "blob", f"{BRANCH}:shop/price.py") == "total = 1\r\n"
    assert bare.text(BRANCH, "shop/new/name.py") == "é = '\U0001f6d2'\n"
    assert bare.git("rev-parse", f"{opened.head_commit}^").strip() == bare.head("main")
    (pull,) = github.pulls(NAME)
    assert (pull.title, pull.body, pull.base, pull.draft, pull.labels) == (
        "Count the total",
        "Why.",
        "main",
        True,
        ["premortem"],
    )


def test_a_program_stays_a_program_and_a_link_is_not_written_through(bare: Bare, host: GithubCodeHost) -> None:
    entries = [
        {"path": "run", "mode": "100755", "content": "#!/bin/true\n"},
        {"path": "link", "mode": "120000", "content": "/etc/passwd"},
    ]
    tree = bare.write_tree(entries, bare.tree_of("main"))
    bare.git("update-ref", "refs/heads/main", bare.write_commit(tree, [bare.head("main") or ""], "Add", 1))
    host.open_pull_request(SHOP, draft(bare, files={"run": "#!/bin/false\n"}))
    assert bare.git("ls-tree", BRANCH, "run").startswith("100755 ")
    for path in ("link", "shop", "run/inside.py"):
        with pytest.raises(Malformed, match="no plain file"):
            host.open_pull_request(SHOP, draft(bare, branch="premortem/i-1/fix-2", files={path: "x\n"}))


def calls(github: Double, do: Callable[[], object]) -> int:
    before = len(github.requests)
    do()
    return len(github.requests) - before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_broken_off_at_any_call_and_asked_again_there_is_one_branch_and_one_pull_request(
    github: Double, host: GithubCodeHost, after: bool
) -> None:
    github.host("acme/whole", FILES)
    whole = replace(SHOP, name="acme/whole")
    many = calls(github, lambda: host.open_pull_request(whole, draft(Bare(github.bare("acme/whole").path))))
    assert many >= 8
    for number in range(many):
        name = f"acme/shop-{number}"
        bare = github.host(name, FILES)
        github.fail(0, matching=name, skip=number, after=after)
        with pytest.raises(Unavailable):
            host.open_pull_request(replace(SHOP, name=name), draft(bare))
        opened = host.open_pull_request(replace(SHOP, name=name), draft(bare))
        assert branches(bare) == [BRANCH]
        (pull,) = github.pulls(name)
        assert (pull.number, pull.labels, opened.head_commit) == (opened.number, ["premortem"], bare.head(BRANCH))


def test_a_branch_that_an_earlier_attempt_left_is_taken_up_although_the_base_has_moved(
    github: Double, bare: Bare, host: GithubCodeHost
) -> None:
    github.fail(500, matching="POST /repos/acme/shop/pulls")
    with pytest.raises(Unavailable, match="500"):
        host.open_pull_request(SHOP, draft(bare))
    left = bare.head(BRANCH)
    bare.commit("main", {"other.py": "x = 1\n"}, "Meanwhile", 1_795_000_000)
    assert host.open_pull_request(SHOP, draft(bare)).head_commit == left


def test_a_branch_that_holds_anything_else_is_left_alone(github: Double, bare: Bare, host: GithubCodeHost) -> None:
    bare.git("update-ref", f"refs/heads/{BRANCH}", bare.head("main") or "")
    bare.commit(BRANCH, {"shop/price.py": "import os\n"}, "Theirs", 1_795_000_000)
    theirs = bare.head(BRANCH)
    with pytest.raises(Malformed, match="holds something else"):
        host.open_pull_request(SHOP, draft(bare))
    bare.commit(BRANCH, {"shop/price.py": "total = 1\n"}, "Theirs again", 1_795_000_000)
    with pytest.raises(Malformed, match="holds something else"):
        host.open_pull_request(SHOP, draft(bare))
    assert github.pulls(NAME) == []
    assert bare.git("rev-parse", f"{BRANCH}^").strip() == theirs


def test_a_pull_request_from_a_fork_is_nobodys_of_ours(github: Double, bare: Bare, host: GithubCodeHost) -> None:
    opened = host.open_pull_request(SHOP, draft(bare))
    github.pulls(NAME)[0].head_repository = "acme/fork"
    assert host.find(SHOP, BRANCH) is None
    assert (host.open_count(SHOP, "premortem/"), host.opened_since(SHOP, "premortem/", 0)) == (0, 0)
    assert host.pull_request(SHOP, opened.number).number == opened.number


def test_more_than_a_page_is_counted(github: Double, bare: Bare, host: GithubCodeHost) -> None:
    host.open_pull_request(SHOP, draft(bare))
    (pull,) = github.pulls(NAME)
    github.pulls(NAME).extend(
        changed(pull, number=number, head=f"premortem/{number}/fix-1") for number in range(2, 132)
    )
    assert host.open_count(SHOP, "premortem/") == 131
    assert host.opened_since(SHOP, "premortem/", 0) == 131


@pytest.mark.parametrize(
    ("status", "message", "headers", "said"),
    [
        (500, "Server Error", {}, "500"),
        (502, "Bad Gateway", {}, "502"),
        (429, "Too many", {"retry-after": "7"}, "wait 7 s"),
        (403, "You have exceeded a secondary rate limit", {"retry-after": "60"}, "wait 60 s"),
        (403, "API rate limit exceeded for installation", {"x-ratelimit-remaining": "0"}, "wait"),
        (0, "", {}, "does not answer"),
    ],
)
def test_trouble_and_limits_are_a_matter_of_waiting(
    github: Double, bare: Bare, host: GithubCodeHost, status: int, message: str, headers: dict[str, str], said: str
) -> None:
    github.fail(status, message, headers=headers)
    with pytest.raises(Unavailable, match=said):
        host.open_pull_request(SHOP, draft(bare))
    assert len(github.requests) == 1, "nothing is repeated behind our back"
    assert host.open_pull_request(SHOP, draft(bare)).state == "draft"


def test_a_server_that_is_not_there_is_a_matter_of_waiting(bare: Bare) -> None:
    host = GithubCodeHost(GithubClient("http://127.0.0.1:9", token=TOKEN))
    with pytest.raises(Unavailable, match="does not answer"):
        host.find(SHOP, BRANCH)


def test_a_label_that_is_refused_costs_no_pull_request(github: Double, bare: Bare, host: GithubCodeHost) -> None:
    github.fail(403, "Resource not accessible", matching="/labels")
    assert host.open_pull_request(SHOP, draft(bare)).state == "draft"
    assert github.pulls(NAME)[0].labels == []


def test_what_is_refused_for_good_says_what_mends_it(github: Double, bare: Bare, host: GithubCodeHost) -> None:
    github.tokens["ghp_reader"] = {"metadata": "read", "contents": "read", "pull_requests": "read"}
    for token, said in (("ghp_unknown", "PREMORTEM_GITHUB_TOKEN"), ("ghp_reader", "write access")):
        with pytest.raises(Malformed, match=said):
            GithubCodeHost(GithubClient(github.url, token=token)).open_pull_request(SHOP, draft(bare))
    github.host("acme/private", FILES, drafts=False)
    with pytest.raises(Malformed, match="Draft pull requests are not supported"):
        host.open_pull_request(replace(SHOP, name="acme/private"), draft(github.bare("acme/private")))
    with pytest.raises(Malformed, match="PREMORTEM_GITHUB_TOKEN"):
        GithubClient(github.url)


# ---------------------------------------------------------------------------------------------------- as a GitHub App
@pytest.fixture
def app(github: Double, app_keys: tuple[str, str]) -> GithubCodeHost:
    permissions = {"contents": "write", "pull_requests": "write", "metadata": "read", "issues": "write"}
    github.application = Application(17, app_keys[1], 41, (NAME,), permissions)
    github.tokens.clear()
    return GithubCodeHost(GithubClient(github.url, app_id=17, app_key=app_keys[0]))


def test_an_app_asks_for_a_token_of_its_installation_with_no_more_rights_than_it_needs(
    github: Double, bare: Bare, app: GithubCodeHost
) -> None:
    assert app.open_pull_request(SHOP, draft(bare)).state == "draft"
    (granted,) = github.tokens.values()
    assert granted == {"contents": "write", "pull_requests": "write", "metadata": "read"}
    app.open_count(SHOP, "premortem/")
    assert len(github.tokens) == 1, "a token is used as long as it is good"


def test_a_repository_is_cloned_with_the_token_or_with_one_of_the_apps_installation(
    github: Double, bare: Bare, app: GithubCodeHost, app_keys: tuple[str, str]
) -> None:
    client = GithubClient(github.url, app_id=17, app_key=app_keys[0])
    assert client.clone_token(NAME) in github.tokens
    with pytest.raises(Malformed, match="App installed"):
        client.clone_token("acme/elsewhere")
    assert GithubClient(github.url, token=TOKEN).clone_token(NAME) == TOKEN


def test_an_app_that_is_not_installed_or_has_another_key_says_so(
    github: Double, bare: Bare, app: GithubCodeHost, app_keys: tuple[str, str]
) -> None:
    github.host("acme/elsewhere", FILES)
    with pytest.raises(Malformed, match="App installed"):
        app.find(replace(SHOP, name="acme/elsewhere"), BRANCH)
    with pytest.raises(Malformed, match="App's id and key"):
        GithubCodeHost(GithubClient(github.url, app_id=18, app_key=app_keys[0])).find(SHOP, BRANCH)
    with pytest.raises(Malformed, match="PREMORTEM_GITHUB_APP_KEY"):
        GithubClient(github.url, app_id=17, app_key="no key")


def test_an_app_that_is_installed_anew_is_found_again(github: Double, bare: Bare, app: GithubCodeHost) -> None:
    app.find(SHOP, BRANCH)
    assert github.application is not None
    github.application.installation = 42
    github.tokens.clear()
    with pytest.raises(Malformed):
        app.find(SHOP, BRANCH)
    assert app.find(SHOP, BRANCH) is None
