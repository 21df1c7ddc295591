"""What people do with our pull requests comes in by webhooks: believed by their signature, once, and of ours alone."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from api.github_deliveries import verify
from premortem.domain import timeline
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.incident import PullRequest, fold
from premortem.domain.payload import DeployBody
from premortem.domain.project_stream import Deployed
from premortem.domain.timeline import FixApplied, HumanResponded, PullRequestOpened
from premortem.ports import Repository, Saved
from tests.api.conftest import World
from tests.builders import NOW, detected, incident
from tests.github import hooks
from tests.github.double import Double
from tests.github.state import Pull

pytestmark = pytest.mark.anyio

NAME, SECRET, COMMIT = "acme/shop", "s3cret-of-the-hook", "c" * 40
INCIDENT = detected().incident_id
BRANCH = f"premortem/{INCIDENT}/fix-1"
URL = f"https://github.example/{NAME}/pull/7"


def map_repository(world: World, name: str = NAME, **changes: Any) -> None:
    world.administration.add_repository(
        Repository(
            tenant_id=TenantId("acme"),
            project_id=ProjectId(world.project),
            name=name,
            clone_url="https://github.example/acme/shop.git",
            **changes,
        )
    )


@pytest.fixture
def hooked(world: World) -> World:
    """A world with the integration, the mapping, and an incident that opened pull request 7."""
    world.administration.create_integration(TenantId("acme"), ProjectId(world.project), "github", SECRET)
    map_repository(world)
    pull = PullRequest(NAME, 7, URL, BRANCH, "draft")
    world.incidents.save([Saved(replace(incident(), pull_requests=(pull,)), 0, 0)], [])
    return world


def shown(**changes: Any) -> dict[str, Any]:
    """Return pull request 7 as GitHub shows it, open."""
    payload = hooks.example("pull_request")
    side = {"ref": "main", "sha": "a" * 40, "repo": payload["repository"] | {"full_name": NAME}}
    known = {
        "number": 7,
        "title": "Premortem: Divide by nothing",
        "body": f"Incident: [x](https://premortem.example/incidents/{INCIDENT})",
        "html_url": URL,
        "head": payload["pull_request"]["head"] | side | {"ref": BRANCH},
        "base": payload["pull_request"]["base"] | side,
        "merged": False,
        "merge_commit_sha": None,
        "closed_at": "2026-11-22T15:00:00Z",
    }
    return payload["pull_request"] | known | changes


def merged(**changes: Any) -> dict[str, Any]:
    said = {"merged": True, "merge_commit_sha": COMMIT, "merged_at": "2026-11-22T15:00:00Z"}
    return hooks.pull_request_closed(shown(**(said | changes)))


async def deliver(
    world: World, event: str, payload: dict[str, Any], secret: str = SECRET, **headers: str
) -> httpx.Response:
    body, signed = hooks.signed(secret, event, payload)
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.client.post("/webhooks/github", content=body, headers=signed | extra)


def facts(world: World) -> list[Any]:
    return [timeline.decode(value) for value in world.values("debugging.timeline")]


def deploys(world: World) -> list[Deployed]:
    return [record for record in world.records() if isinstance(record, Deployed)]


async def test_a_merge_of_our_pull_request_is_a_fix_applied(hooked: World) -> None:
    assert (await deliver(hooked, "pull_request", merged())).status_code == 200
    (fact,) = facts(hooked)
    assert isinstance(fact, FixApplied)
    assert (fact.incident_id, fact.repository, fact.number, fact.commit) == (INCIDENT, NAME, 7, COMMIT)
    assert fact.occurred_at == 1_795_359_600_000


async def test_a_delivery_that_comes_again_at_another_time_is_the_same_fact(hooked: World) -> None:
    for _ in range(2):
        await deliver(hooked, "pull_request", merged())
        hooked.clock.at += 60_000
    first, second = facts(hooked)
    assert timeline.encode(first) == timeline.encode(second)


async def test_a_merge_moves_the_incident_and_closes_what_it_waits_for(hooked: World) -> None:
    await deliver(hooked, "pull_request", merged())
    opened = PullRequestOpened(
        id=detected().id, incident_id=INCIDENT, tenant_id=TenantId("acme"), project_id=ProjectId(1), occurred_at=NOW,
        v=2, repository=NAME, number=7, url=URL, branch=BRANCH,
    )  # fmt: skip
    found = fold([detected(), replace(opened, id=FactId("o")), *facts(hooked)])
    assert found is not None
    (pull,) = found.pull_requests
    assert (pull.state, pull.commit) == ("merged", COMMIT)


async def test_a_close_without_a_merge_rejects_the_fix_with_its_reason(hooked: World) -> None:
    closed = shown(title="not \u202ethis\x00 way, password=hunter22hunter22")
    assert (await deliver(hooked, "pull_request", hooks.pull_request_closed(closed, by="bob"))).status_code == 200
    (fact,) = facts(hooked)
    assert isinstance(fact, HumanResponded)
    assert (fact.action, fact.by, fact.url) == ("reject_fix", "bob", URL)
    assert fact.text.startswith("closed without merging: not ")
    assert "hunter22" not in fact.text
    assert "\x00" not in fact.text
    assert "\u202e" not in fact.text


async def test_reviews_and_comments_are_notes_each_once(hooked: World) -> None:
    review = hooks.review(shown(), "changes_requested", "Think of the zero.")
    for payload in (review, review, hooks.review(shown(), "approved", None)):
        await deliver(hooked, "pull_request_review", payload)
    await deliver(hooked, "pull_request_review_comment", hooks.review_comment(shown(), "shop/price.py", "Why?"))
    await deliver(hooked, "issue_comment", hooks.comment(shown(), "It is the rounding."))
    found = facts(hooked)
    assert {fact.action for fact in found} == {"note"}
    assert [fact.text for fact in found] == [
        "changes requested: Think of the zero.",
        "changes requested: Think of the zero.",
        "approved",
        "shop/price.py: Why?",
        "It is the rounding.",
    ]
    assert len({fact.id for fact in found}) == 4
    assert all(fact.url.startswith(URL) for fact in found)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("ping", lambda: hooks.example("ping")),
        ("pull_request", lambda: merged() | {"action": "labeled"}),
        ("pull_request", lambda: merged(head=shown()["head"] | {"ref": "feature"})),
        ("pull_request", lambda: merged(number=8)),
        ("pull_request", lambda: merged(head=shown()["head"] | {"repo": {"full_name": "mallory/shop"}})),
        ("pull_request", lambda: merged(head=shown()["head"] | {"repo": None})),
        ("pull_request", lambda: merged(head=shown()["head"] | {"ref": f"premortem/{'0' * 36}/fix-1"})),
        ("pull_request_review", lambda: hooks.review(shown(), "commented", None)),
        ("issue_comment", lambda: hooks.comment(shown(), "Coverage: 90 %", kind="Bot")),
        ("issue_comment", lambda: hooks.comment(shown(number=8), "On another one")),
        ("issue_comment", lambda: hooks.comment(shown(body="no link"), "Whose?")),
        ("issue_comment", lambda: hooks.example("issue_comment")),
        ("deployment_status", lambda: hooks.deployment_status(NAME, "success", "v1.2", COMMIT, "production")),
        ("release", lambda: hooks.release_published(NAME, "v1.2")),
        ("push", lambda: hooks.pushed(NAME, "main", COMMIT, NOW // 1000)),
        ("workflow_run", lambda: {"action": "completed"}),
    ],
)
async def test_what_is_not_ours_or_not_wanted_changes_nothing(
    hooked: World, event: str, payload: Callable[[], dict[str, Any]]
) -> None:
    answer = await deliver(hooked, event, payload())
    assert answer.status_code == 200, answer.text
    assert (facts(hooked), hooked.records()) == ([], [])
    assert hooked.items() == {("github_webhook", "skipped"): 1}


async def test_an_incident_of_another_project_or_tenant_is_not_touched(hooked: World) -> None:
    pull = PullRequest(NAME, 7, URL, BRANCH, "draft")
    for offset, changes in enumerate(({"project_id": ProjectId(99)}, {"tenant_id": TenantId("other")}), 1):
        found = incident("one", **changes)
        hooked.incidents.save([Saved(replace(found, pull_requests=(pull,)), 0, offset)], [])
        assert (await deliver(hooked, "pull_request", merged())).status_code == 200
        assert facts(hooked) == []


async def test_a_repository_that_is_not_mapped_is_not_listened_to(hooked: World) -> None:
    hooked.administration.remove_repository(TenantId("acme"), ProjectId(hooked.project), NAME)
    assert (await deliver(hooked, "pull_request", merged())).status_code == 200
    assert facts(hooked) == []


async def test_one_secret_of_an_app_serves_every_project_that_has_it(hooked: World) -> None:
    second = hooked.administration.create_project(TenantId("acme"), "api", "Api", "d" * 32)
    hooked.administration.create_integration(TenantId("acme"), second.id, "github", SECRET)
    pull = PullRequest(NAME, 7, URL, BRANCH, "draft")
    found = incident("one", project_id=second.id)
    hooked.incidents.save([Saved(replace(found, pull_requests=(pull,)), 0, 9)], [])
    hooked.administration.add_repository(
        Repository(tenant_id=TenantId("acme"), project_id=second.id, name=NAME, clone_url="https://x.example/a/b.git")
    )
    await deliver(hooked, "pull_request", merged())
    assert [fact.project_id for fact in facts(hooked)] == [second.id]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, headers: (body + b" ", headers),
        lambda body, headers: (body, headers | {"x-hub-signature-256": "sha256=" + "0" * 64}),
        lambda body, headers: (body, headers | {"x-hub-signature-256": ""}),
        lambda body, headers: (body, headers | {"x-hub-signature-256": headers["x-hub-signature-256"][7:]}),
        lambda body, headers: (body, {k: v for k, v in headers.items() if k != "x-hub-signature-256"}),
        lambda body, headers: hooks.signed("another secret", "pull_request", merged()),
    ],
)
async def test_what_is_not_signed_with_our_secret_is_refused_and_changes_nothing(
    hooked: World, spoil: Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]
) -> None:
    body, headers = spoil(*hooks.signed(SECRET, "pull_request", merged()))
    answer = await hooked.client.post("/webhooks/github", content=body, headers=headers)
    assert answer.status_code == 401
    assert facts(hooked) == []


async def test_githubs_own_test_vector_is_believed() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert verify(b"Hello, World!", vector, "It's a Secret to Everybody")
    assert not verify(b"Hello, World!", vector, "")


async def test_another_integrations_secret_opens_nothing(hooked: World) -> None:
    hooked.administration.create_integration(
        TenantId("acme"), ProjectId(hooked.project), "sentry-platform", "of-sentry"
    )
    assert (await deliver(hooked, "pull_request", merged(), "of-sentry")).status_code == 401


@pytest.mark.parametrize(
    ("event", "payload", "said"),
    [
        ("pull_request", [], "JSON object"),
        ("pull_request", merged(merge_commit_sha=None), "merge_commit_sha"),
        ("pull_request", merged(number="7"), "number"),
    ],
)
async def test_a_body_that_is_none_of_githubs_is_malformed(hooked: World, event: str, payload: Any, said: str) -> None:
    answer = await deliver(hooked, event, payload)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


async def test_a_form_and_a_delivery_without_an_event_say_what_to_mend(hooked: World) -> None:
    form = await deliver(hooked, "push", {}, content_type="application/x-www-form-urlencoded")
    assert "application/json" in form.json()["detail"]
    assert "X-GitHub-Event" in (await deliver(hooked, "", {})).json()["detail"]
    assert (await hooked.client.get("/webhooks/github")).status_code == 405


async def test_a_log_that_is_away_is_a_503_so_that_the_delivery_can_be_sent_again(hooked: World) -> None:
    hooked.log.away = True
    assert (await deliver(hooked, "pull_request", merged())).status_code == 503
    hooked.log.away = False
    assert (await deliver(hooked, "pull_request", merged())).status_code == 200
    assert len(facts(hooked)) == 1


async def test_a_delivery_is_answered_within_a_tenth_of_a_second(hooked: World) -> None:
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        await deliver(hooked, "pull_request", merged())
        took.append(time.perf_counter() - begun)
    assert statistics.median(took) < 0.1


# ----------------------------------------------------------------------------------------------------------- deploys
@pytest.mark.parametrize(
    ("by", "event", "payload", "release", "environment", "at"),
    [
        ("deployment", "deployment_status", hooks.deployment_status(NAME, "success", "v1.2.3", COMMIT, "eu-prod"),
         "shop@v1.2.3", "eu-prod", 1_795_359_600_000),
        ("deployment", "deployment_status", hooks.deployment_status(NAME, "success", "main", COMMIT, "eu-prod"),
         f"shop@{COMMIT}", "eu-prod", 1_795_359_600_000),
        ("release", "release", hooks.release_published(NAME, "v2.0"), "shop@v2.0", "staging", 1_795_359_600_000),
        ("push", "push", hooks.pushed(NAME, "main", COMMIT, NOW // 1000 - 5), f"shop@{COMMIT}", "staging", NOW - 5000),
    ],
)  # fmt: skip
async def test_what_the_mapping_names_is_a_deploy_once(
    hooked: World, by: Any, event: str, payload: dict[str, Any], release: str, environment: str, at: int
) -> None:
    map_repository(hooked, deployed_by=by, environment="staging", release_prefix="shop@")
    for _ in range(2):
        assert (await deliver(hooked, event, payload)).status_code == 200
        hooked.clock.at += 1000
    first, second = deploys(hooked)
    assert (first.release, first.environment, first.deployed_at) == (release, environment, at // 1000 * 1000)
    assert replace(first, received_at=second.received_at) == second
    (row,) = {body.deploy_id for body in hooked.bodies() if isinstance(body, DeployBody)}
    assert row


@pytest.mark.parametrize(
    ("by", "event", "payload"),
    [
        ("deployment", "deployment_status", hooks.deployment_status(NAME, "failure", "v1.2", COMMIT, "production")),
        ("deployment", "release", hooks.release_published(NAME, "v2.0")),
        ("release", "release", hooks.release_published(NAME, "v2.0", prerelease=True)),
        ("release", "release", hooks.release_published(NAME, "v2.0", draft=True)),
        ("push", "push", hooks.pushed(NAME, "feature", COMMIT, NOW // 1000)),
        ("push", "push", hooks.pushed(NAME, "main", COMMIT, NOW // 1000, deleted=True)),
        ("push", "push", hooks.pushed(NAME, "main", COMMIT, NOW // 1000, ref="refs/tags/v1")),
        ("push", "push", hooks.pushed("acme/elsewhere", "main", COMMIT, NOW // 1000)),
    ],
)
async def test_nothing_else_is_a_deploy(hooked: World, by: Any, event: str, payload: dict[str, Any]) -> None:
    map_repository(hooked, deployed_by=by)
    assert (await deliver(hooked, event, payload)).status_code == 200
    assert deploys(hooked) == []


async def test_what_the_double_sends_is_understood(hooked: World, github: Double) -> None:
    """The same payloads as above, made by the double from pull requests in a real repository."""
    bare = github.host(NAME, {"a.py": "x = 1\n"})
    bare.git("branch", BRANCH, "main")
    bare.commit(BRANCH, {"a.py": "x = 2\n"}, "Fix", NOW // 1000)
    github.at = NOW // 1000
    github.pulls(NAME).append(Pull(7, "Fix", f"/incidents/{INCIDENT}", BRANCH, "main", True, github.at, NAME))
    sent: list[tuple[str, dict[str, Any]]] = []
    github.deliver = lambda event, payload: sent.append((event, payload)) or []  # type: ignore[method-assign,func-returns-value]
    commit = github.merge(NAME, 7, squash=True)
    for event, payload in sent:
        assert (await deliver(hooked, event, payload)).status_code == 200
    (fact,) = facts(hooked)
    assert (fact.commit, fact.occurred_at) == (commit, NOW // 1000 * 1000)
    assert bare.text("main", "a.py") == "x = 2\n"
    assert IncidentId(fact.incident_id) == INCIDENT
