"""A person answers an incident: said once, without secrets, to an incident of one's own, and enough to act upon."""

from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from premortem.domain import timeline
from premortem.domain.detection import Detector
from premortem.domain.ids import TenantId
from premortem.domain.incident import Cause, fold
from premortem.domain.project_stream import Muted, RuleChanged
from premortem.domain.routing import NOTHING, react
from premortem.domain.timeline import HumanResponded
from premortem.ports import Saved
from tests.api.conftest import OTHER_TOKEN, TOKEN, World
from tests.builders import NOW, error_seen, incident

pytestmark = pytest.mark.anyio

MINE = {"authorization": f"Bearer {TOKEN}"}
TOMORROW = "2026-11-23T12:00:00Z"


@pytest.fixture
def known(world: World) -> World:
    told = replace(incident(), cause=Cause("probable", "It was 4f0c.", 0.8))
    world.incidents.save([Saved(told, 0, 0)], [])
    return world


async def say(world: World, action: str, headers: dict[str, str] = MINE, **said: Any) -> httpx.Response:
    body = {"action": action, "by": "ann", "text": "because", **said}
    return await world.client.post(f"/incidents/{incident().id}/responses", json=body, headers=headers)


def facts(world: World) -> list[HumanResponded]:
    found = [timeline.decode(value) for value in world.values("debugging.timeline")]
    assert all(isinstance(fact, HumanResponded) for fact in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("note", {}),
        ("acknowledge", {"text": ""}),
        ("assign", {"text": "", "owner": "payments"}),
        ("confirm_cause", {"text": ""}),
        ("correct_cause", {"text": "It is the cache."}),
        ("reject_cause", {}),
        ("reject_fix", {}),
        ("resolve", {"text": ""}),
        ("suppress", {"until": TOMORROW}),
    ],
)
async def test_every_answer_is_a_fact_on_the_incidents_timeline(
    known: World, action: str, said: dict[str, Any]
) -> None:
    answer = await say(known, action, **said)
    assert answer.status_code == 201, answer.text
    (fact,) = facts(known)
    assert (fact.id, fact.action, fact.by, fact.v) == (answer.json()["id"], action, "ann", 4)
    assert (fact.incident_id, fact.tenant_id, fact.occurred_at) == (incident().id, "acme", NOW)
    assert fact.text == said.get("text", "because")
    assert answer.json()["timeline"] == f"http://premortem/incidents/{incident().id}/timeline"


async def test_a_suppression_ends_when_it_was_said_to_and_mutes_until_then(known: World) -> None:
    await say(known, "suppress", until=TOMORROW)
    (fact,) = facts(known)
    assert fact.until == 1_795_435_200_000
    reaction = react(incident(), fact)
    assert [record.until for record in reaction.records] == [fact.until]  # type: ignore[union-attr]


async def test_an_incident_shows_whose_it_is_and_who_looks_into_it(known: World) -> None:
    await say(known, "assign", owner=" payments ")
    await say(known, "acknowledge", by="ben")
    told = fold(facts(known), incident())
    assert told is not None
    known.incidents.save([Saved(told, 0, 1)], [])
    shown = (await known.client.get(f"/incidents/{told.id}", headers=MINE)).json()["incident"]
    assert (shown["owner"], shown["acknowledged_by"], shown["status"]) == ("payments", "ben", "detected")


async def test_the_same_key_is_the_same_answer_and_other_words_are_another(known: World) -> None:
    first = await say(known, "note", {**MINE, "Idempotency-Key": "k1"})
    known.clock.at += 5000
    again = await say(known, "note", {**MINE, "Idempotency-Key": "k1"})
    other = await say(known, "note", {**MINE, "Idempotency-Key": "k2"})
    without = await say(known, "note")
    assert first.json()["id"] == again.json()["id"]
    assert len({each.json()["id"] for each in (first, other, without)}) == 3
    known.clock.at += 1
    assert (await say(known, "note")).json()["id"] != without.json()["id"]


async def test_no_secret_and_no_hidden_sign_is_stored(known: World) -> None:
    await say(known, "note", text="use password=hunter22hunter22 \u202ehere\x00")
    (fact,) = facts(known)
    assert "hunter22" not in fact.text
    assert "\u202e" not in fact.text
    assert "\x00" not in fact.text


@pytest.mark.parametrize(
    ("action", "said", "wrong"),
    [
        ("nonsense", {}, "action"),
        ("note", {"text": " "}, "needs a text"),
        ("reject_fix", {"text": ""}, "needs a text"),
        ("note", {"by": ""}, "by"),
        ("note", {"by": "  "}, "who says so"),
        ("note", {"text": "x" * 4001}, "text"),
        ("note", {"until": TOMORROW}, "suppression"),
        ("note", {"owner": "payments"}, "assign"),
        ("assign", {"owner": " "}, "owner"),
        ("suppress", {}, "until"),
        ("suppress", {"until": "2026-11-22T12:00:00Z"}, "later than now"),
        ("suppress", {"until": "2030-01-01T00:00:00Z"}, "within a year"),
        ("suppress", {"until": "some day"}, "until"),
    ],
)
async def test_what_does_not_say_enough_is_refused_with_what_is_missing(
    known: World, action: str, said: dict[str, Any], wrong: str
) -> None:
    answer = await say(known, action, **said)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert wrong in answer.json()["detail"]
    assert facts(known) == []


async def test_of_an_incident_that_is_over_it_is_only_taken_what_moves_nothing(known: World) -> None:
    over = replace(incident(), status="resolved", cause=Cause("probable", "It was 4f0c.", 0.8))
    known.incidents.save([Saved(over, 0, 1)], [])
    assert (await say(known, "reject_fix")).status_code == 422
    assert (await say(known, "note")).status_code == 201
    for action in ("confirm_cause", "reject_cause"):
        assert (await say(known, action)).status_code == 201
    assert [react(over, fact) for fact in facts(known)] == [NOTHING] * 3


async def test_there_is_nothing_to_confirm_before_a_cause_was_proposed(known: World) -> None:
    known.incidents.save([Saved(incident(), 0, 1)], [])
    answer = await say(known, "confirm_cause")
    assert answer.status_code == 422
    assert "none to confirm" in answer.json()["detail"]


async def test_another_tenants_incident_is_not_there(known: World) -> None:
    assert (await say(known, "note", {"authorization": f"Bearer {OTHER_TOKEN}"})).status_code == 404
    assert (await say(known, "note", {})).status_code == 401
    theirs = incident("theirs", tenant_id=TenantId("other"))
    known.incidents.save([Saved(theirs, 0, 1)], [])
    body = {"action": "note", "by": "ann", "text": "x"}
    answer = await known.client.post(f"/incidents/{theirs.id}/responses", json=body, headers=MINE)
    assert answer.status_code == 404
    assert facts(known) == []


async def test_a_log_that_is_away_is_said(known: World) -> None:
    known.log.away = True
    assert (await say(known, "note")).status_code == 503


async def test_a_resolution_that_nothing_could_take_back_is_refused_unless_it_is_wanted_anyway(known: World) -> None:
    steer(known, Muted(**OURS, received_at=NOW, fingerprint=incident().fingerprints[0], until=1 << 62))
    refused = await say(known, "resolve")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert "Nothing could open it again: its error is muted" in refused.json()["detail"]
    assert "`anyway`" in refused.json()["detail"]
    assert facts(known) == []
    done = await say(known, "resolve", anyway=True)
    assert done.status_code == 201
    assert "muted" in done.json()["warnings"][0]
    assert len(facts(known)) == 1
    assert (await say(known, "note")).json()["warnings"] == []


async def test_a_resolution_that_only_a_narrow_case_could_take_back_is_taken_with_a_warning(known: World) -> None:
    steer(known, RuleChanged(**OURS, received_at=NOW, rule="minimum_users", value=40))
    done = await say(known, "resolve")
    assert done.status_code == 201
    assert "it has to come back to 40 users" in done.json()["warnings"][0]


OURS: dict[str, Any] = {"tenant_id": incident().tenant_id, "project_id": incident().project_id}


def steer(world: World, record: Muted | RuleChanged) -> None:
    """Let the detector have taken an event of the incident's error and then the record, and keep its state."""
    detector = Detector(lateness_ms=0)
    for offset, each in enumerate((error_seen(occurred_at=NOW - 1, received_at=NOW - 1), record)):
        detector.observe(offset, each)
    world.checkpoints.save("detect", 3, 2, detector.changed())
