"""The read API shows the work on an incident, and opens the evidence behind it."""

import pytest

from premortem.domain import timeline
from premortem.domain.evidence import evidence_hash
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    IncidentFact,
    PullRequestOpened,
    RootCauseProposed,
)
from premortem.ports import Saved, StoredFact
from tests.agents import stored
from tests.api.conftest import OTHER_TOKEN, TOKEN, World
from tests.builders import NOW, detected

pytestmark = pytest.mark.anyio

MINE = {"authorization": f"Bearer {TOKEN}"}
OPENED = detected()
EVENT, ONSET = stored.event(), stored.ONSET


def told(n: int) -> dict[str, object]:
    return {
        "id": FactId(f"fact-{n}"),
        "incident_id": OPENED.incident_id,
        "tenant_id": OPENED.tenant_id,
        "project_id": OPENED.project_id,
        "occurred_at": NOW + n,
        "v": 2,
    }


CONTEXT = ContextBuilt(**told(1), evidence_ids=(ONSET.id,), evidence=(ONSET,))  # type: ignore[arg-type]
CAUSE = RootCauseProposed(**told(2), verdict="probable", summary="It was 4f0c.", confidence=0.8, agent="rules")  # type: ignore[arg-type]
PULL = PullRequestOpened(**told(3), repository="acme/shop", number=7, url="https://example.org/7", branch="b")  # type: ignore[arg-type]
MERGE = FixApplied(**told(4) | {"v": 1}, repository="acme/shop", number=7, commit="c" * 40)  # type: ignore[arg-type]
DEPLOY = FixDeployed(**told(5), release="shop@2", environment="production", inferred=False, commit="c" * 40)  # type: ignore[arg-type]
VERDICT = EvaluationCompleted(**told(6), verdict="ineffective", summary="No.", evidence=(EVENT,))  # type: ignore[arg-type]


def store(world: World, *facts: IncidentFact) -> str:
    """Store the incident with its facts and return its path."""
    rows = [
        StoredFact(fact.incident_id, fact.id, 0, offset, type(fact).__name__, fact.occurred_at, timeline.encode(fact))
        for offset, fact in enumerate((OPENED, *facts))
    ]
    found = fold((OPENED, *facts))
    assert found is not None
    world.incidents.save([Saved(found, 0, len(facts))], rows)
    return f"/incidents/{OPENED.incident_id}"


async def test_an_incident_is_shown_as_it_was_known_at_a_time_or_at_a_position(world: World) -> None:
    path = store(world, CONTEXT, CAUSE, PULL, MERGE, DEPLOY, VERDICT)
    for moment in (str(NOW + 2), "offset:2", "2026-11-22T15:21:47.002Z", "2026-11-22T16:21:47.002+01:00"):
        shown = (await world.client.get(path, params={"as_of": moment}, headers=MINE)).json()
        assert shown["incident"]["status"] == "root_cause_proposed", moment
        assert (shown["cause"]["summary"], shown["pull_requests"], shown["failed_fixes"]) == ("It was 4f0c.", [], 0)
        assert (shown["as_of"]["facts"], shown["as_of"]["later"], shown["as_of"]["position"]) == (3, 4, 2)
    now = (await world.client.get(path, headers=MINE)).json()
    then = (await world.client.get(path, params={"as_of": "offset:99"}, headers=MINE)).json()
    assert now["as_of"] is None
    assert now | {"as_of": then["as_of"]} == then


async def test_the_timeline_and_the_evidence_of_a_moment_hold_nothing_that_came_later(world: World) -> None:
    path = store(world, CONTEXT, CAUSE, PULL, MERGE, DEPLOY, VERDICT)
    asked = {"as_of": str(NOW + 4), "after": 1, "limit": 2}
    facts = (await world.client.get(f"{path}/timeline", params=asked, headers=MINE)).json()["facts"]
    assert [fact["position"] for fact in facts] == [2, 3]
    rest = (await world.client.get(f"{path}/timeline", params=asked | {"after": 3}, headers=MINE)).json()["facts"]
    assert [fact["position"] for fact in rest] == [4]
    for evidence, moment, status in ((ONSET, NOW, 404), (ONSET, NOW + 1, 200), (EVENT, NOW + 5, 404)):
        asked = {"as_of": str(moment)}
        answer = await world.client.get(f"{path}/evidence/{evidence.id}", params=asked, headers=MINE)
        assert answer.status_code == status, (evidence.kind, moment)


@pytest.mark.parametrize("route", ["", "/timeline", f"/evidence/{ONSET.id}"])
async def test_what_did_not_exist_yet_or_is_no_moment_is_refused_with_the_mend(world: World, route: str) -> None:
    path = store(world, CONTEXT) + route
    early = await world.client.get(path, params={"as_of": str(NOW - 1)}, headers=MINE)
    assert (early.status_code, "offset 0: ask as of then" in early.json()["detail"]) == (404, True)
    wrong = await world.client.get(path, params={"as_of": "yesterday"}, headers=MINE)
    assert (wrong.status_code, "Write it like 2026-11-25T03:12" in wrong.json()["detail"]) == (400, True)
    theirs = {"authorization": f"Bearer {OTHER_TOKEN}"}
    assert (await world.client.get(path, params={"as_of": str(NOW)}, headers=theirs)).status_code == 404


async def test_a_fresh_incident_has_no_cause_no_pull_request_and_no_fix(world: World) -> None:
    shown = (await world.client.get(store(world), headers=MINE)).json()
    assert (shown["cause"], shown["pull_requests"], shown["fix_release"]) == (None, [], None)
    assert (shown["fix_deployed_at"], shown["failed_fixes"]) == (None, 0)


async def test_an_incident_shows_its_cause_its_pull_requests_and_the_release_that_carries_the_fix(world: World) -> None:
    path = store(world, CONTEXT, CAUSE, PULL, MERGE, DEPLOY, VERDICT)
    shown = (await world.client.get(path, headers=MINE)).json()
    assert shown["cause"] == {"verdict": "probable", "summary": "It was 4f0c.", "confidence": 0.8}
    (pull,) = shown["pull_requests"]
    assert (pull["repository"], pull["number"], pull["state"], pull["commit"]) == ("acme/shop", 7, "merged", "c" * 40)
    assert (shown["fix_release"], shown["failed_fixes"]) == ("shop@2", 1)
    assert shown["fix_deployed_at"] is not None


@pytest.mark.parametrize("evidence", [ONSET, EVENT], ids=["of the context", "of the verdict"])
async def test_evidence_opens_as_it_was_stored_and_its_hash_is_right(world: World, evidence: stored.Evidence) -> None:
    path = store(world, CONTEXT, VERDICT)
    shown = (await world.client.get(f"{path}/evidence/{evidence.id}", headers=MINE)).json()
    parameters = tuple((name, value) for name, value in shown["parameters"])
    assert shown["hash"] == evidence_hash(shown["kind"], shown["query"], parameters, shown["result"]) == evidence.hash
    assert (shown["title"], shown["untrusted"]) == (evidence.title, evidence.untrusted)


async def test_evidence_that_nobody_stored_or_of_another_tenant_is_not_found(world: World) -> None:
    path = store(world, CONTEXT)
    for where, headers in (
        (f"{path}/evidence/ev-000000000000", MINE),
        (f"{path}/evidence/{ONSET.id}", {"authorization": f"Bearer {OTHER_TOKEN}"}),
        (f"/incidents/absent/evidence/{ONSET.id}", MINE),
    ):
        assert (await world.client.get(where, headers=headers)).status_code == 404
