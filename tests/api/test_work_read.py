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
