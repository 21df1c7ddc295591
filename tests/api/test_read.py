"""The read API shows a tenant its own incidents, says clearly what it refuses, and tells how the product does."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from premortem.adapters.streams.archived import archived_row
from premortem.domain import timeline
from premortem.domain.fingerprint import VERSION
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Unavailable, Unprepared
from premortem.ports import Append, Saved, StoredFact
from tests.api.conftest import OTHER_TOKEN, TOKEN, World, item
from tests.builders import NOW, detected, incident

pytestmark = pytest.mark.anyio

MINE = {"authorization": f"Bearer {TOKEN}"}
THEIRS = {"authorization": f"Bearer {OTHER_TOKEN}"}


def store(world: World, *names: str, tenant: str = "acme") -> None:
    for offset, name in enumerate(names):
        fact = detected(name, tenant_id=TenantId(tenant), occurred_at=NOW + offset)
        stored = StoredFact(fact.incident_id, fact.id, 0, offset, "IncidentDetected", NOW, timeline.encode(fact))
        found = incident(name, tenant_id=TenantId(tenant), occurred_at=NOW + offset)
        world.incidents.save([Saved(found, 0, offset)], [stored])


async def test_a_fresh_incident_says_what_why_and_where(world: World) -> None:
    store(world, "one")
    (shown,) = (await world.client.get("/incidents", headers=MINE)).json()["incidents"]
    assert (shown["status"], shown["severity"]) == ("detected", "high")
    assert shown["reason"].startswith("an error that this project has never sent before")
    assert shown["origin"] == f"http://premortem/projects/1/events/{'0' * 32}"
    detail = (await world.client.get(shown["url"], headers=MINE)).json()
    assert detail["decisions"][0]["detector"] == "novelty"
    facts = (await world.client.get(shown["url"] + "/timeline", headers=MINE)).json()["facts"]
    assert [fact["kind"] for fact in facts] == ["IncidentDetected"]


async def test_an_origin_that_is_no_web_address_is_not_linked(world: World) -> None:
    found = incident("x", origin_url="javascript:alert(1)")
    world.incidents.save([Saved(found, 0, 0)], [])
    (shown,) = (await world.client.get("/incidents", headers=MINE)).json()["incidents"]
    assert shown["origin"].startswith("http://premortem/")


async def test_pages_follow_their_cursor(world: World) -> None:
    store(world, *"abcde")
    first = (await world.client.get("/incidents?limit=3", headers=MINE)).json()
    rest = (
        await world.client.get("/incidents", params={"limit": 3, "cursor": first["next_cursor"]}, headers=MINE)
    ).json()
    titles = [shown["title"][-1] for shown in first["incidents"] + rest["incidents"]]
    assert (titles, rest["next_cursor"]) == (list("edcba"), None)


async def test_filters_narrow(world: World) -> None:
    store(world, "apple", "pear")
    found = (await world.client.get("/incidents?text=PEAR&status=detected&environment=production", headers=MINE)).json()
    assert [shown["title"] for shown in found["incidents"]] == ["KeyError: pear"]
    assert (await world.client.get("/incidents?project=99", headers=MINE)).json()["incidents"] == []


async def test_a_tenant_sees_nothing_of_another(world: World) -> None:
    store(world, "secret")
    (shown,) = (await world.client.get("/incidents", headers=MINE)).json()["incidents"]
    assert (await world.client.get("/incidents", headers=THEIRS)).json()["incidents"] == []
    for path in ("", "/timeline"):
        assert (await world.client.get(f"/incidents/{shown['id']}{path}", headers=THEIRS)).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/incidents", {}, 401),
        ("/incidents", {"authorization": "Bearer wrong"}, 401),
        ("/incidents?status=nonsense", MINE, 422),
        ("/incidents?limit=0", MINE, 422),
        ("/incidents?cursor=zzz", MINE, 400),
        ("/incidents/absent", MINE, 404),
        (f"/projects/1/events/{'a' * 32}", MINE, 404),
        ("/nowhere", {}, 404),
    ],
)
async def test_every_refusal_is_a_problem(world: World, path: str, headers: dict[str, str], status: int) -> None:
    answer = await world.client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (answer.json()["status"], bool(answer.json()["title"])) == (status, True)


async def test_a_dead_archive_is_shown_and_does_not_make_it_unready(world: World) -> None:
    def away() -> str:
        raise Unavailable("no answer.")

    assert (await world.client.get("/ready")).status_code == 200
    world.evidence.version = away  # type: ignore[method-assign]
    answer = await world.client.get("/ready")
    assert answer.status_code == 200
    (dead,) = [d for d in answer.json()["dependencies"] if not d["ready"]]
    assert (dead["name"], dead["detail"]) == ("evidence_store", "no answer.")


async def test_queues_that_are_away_are_shown_and_do_not_make_it_unready(world: World) -> None:
    def away(_: str) -> int:
        raise Unavailable("no queue.")

    world.tasks.depth = away  # type: ignore[method-assign]
    answer = await world.client.get("/ready")
    assert answer.status_code == 200
    (dead,) = [d for d in answer.json()["dependencies"] if not d["ready"]]
    assert (dead["name"], dead["detail"], dead["required"]) == ("task_queue", "no queue.", False)


async def test_incidents_that_no_tenant_can_read_make_it_unready(world: World) -> None:
    def refuse(*_: object) -> None:
        raise Unprepared("permission denied.")

    world.incidents.get = refuse  # type: ignore[method-assign]
    answer = await world.client.get("/ready")
    assert answer.status_code == 503
    assert {d["name"]: d["detail"] for d in answer.json()["dependencies"] if not d["ready"]} == {
        "incident_store": "permission denied."
    }


async def test_metrics_parse_and_tell_each_dataflows_lag(world: World) -> None:
    world.log.append([Append("sentry.events", "k", b"x", 2)] * 5)
    world.checkpoints.save("detect", 2, 3, {})
    text = (await world.client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    lags = {tuple(sorted(s.labels.items())): s.value for s in families["premortem_dataflow_lag_records"].samples}
    assert lags[("dataflow", "detect"), ("partition", "2")] == 2
    assert "premortem_requests" in families


async def test_an_incident_says_what_its_event_is_grouped_by(world: World) -> None:
    event = {"fingerprint": ["{{ default }}", "eu"], "message": "order 17 is lost", "_grouping": "mine"}
    answer = await world.envelope(b"{}\n" + item("event", json.dumps(event).encode()))
    found = incident(event_id=answer.json()["id"], project_id=ProjectId(world.project))
    world.incidents.save([Saved(found, 0, 0)], [])
    path = f"/incidents/{found.id}/grouping"
    early = await world.client.get(path, headers=MINE)
    assert (early.status_code, "archive" in early.json()["detail"]) == (404, True)

    world.evidence.insert([archived_row(body) for body in world.bodies()])
    detail = (await world.client.get(f"/incidents/{found.id}", headers=MINE)).json()
    assert detail["grouping"] == f"http://premortem{path}"
    shown = (await world.client.get(path, headers=MINE)).json()
    (variant,) = shown["variants"]
    assert (shown["event_id"], shown["version"]) == (found.event_id, VERSION)
    assert [(value["role"], value["value"]) for value in variant["values"]] == [
        ("message", "order <int> is lost"),
        ("fingerprint", "eu"),
    ]
    assert variant["fingerprint"] == world.records()[0].hashes[0]  # type: ignore[union-attr]
    assert (await world.client.get(path, headers=THEIRS)).status_code == 404
