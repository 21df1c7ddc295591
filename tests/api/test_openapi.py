"""The OpenAPI document says what is really answered: every status, its content type and its shape."""

import json
from typing import Any

import jsonschema
import pytest

from premortem.adapters.streams.archived import archived_row
from premortem.domain.ids import ProjectId
from premortem.exceptions import Unavailable
from premortem.ports import Saved
from tests.api.conftest import TOKEN, World, item
from tests.builders import incident

pytestmark = pytest.mark.anyio

MINE = {"authorization": f"Bearer {TOKEN}"}
DEPLOYS = "/api/0/organizations/{organization}/releases"
PARAMETERS = {"organization": "acme", "version": "shop@1", "incident_id": "absent", "project_id": "1"}
PARAMETERS["event_id"] = "a" * 32


async def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await world.client.get("/openapi.json")).text)
    return found


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, op) for path, ops in found["paths"].items() for method, op in ops.items()]


async def check(world: World, method: str, path: str, status: int, **request: Any) -> None:
    """Send a request to the path, its parameters filled in, and hold the answer against the document."""
    found = await document(world)
    query = request.pop("query", "")
    url = path.format(**PARAMETERS | request.pop("parameters", {})) + query
    answer = await world.client.request(method, url, **{"headers": MINE, **request})
    assert answer.status_code == status, (url, answer.text)
    content = found["paths"][path][method]["responses"][str(status)]["content"]
    (media_type,) = content
    assert answer.headers["content-type"].partition(";")[0] == media_type
    if media_type.endswith("json"):
        schema = {**content[media_type]["schema"], "components": found["components"]}
        jsonschema.validate(answer.json(), schema)
        assert schema.keys() > {"components"}, "the shape is not said"


async def test_the_document_describes_every_operation(world: World) -> None:
    found = await document(world)
    assert len(operations(found)) >= 9
    assert all(op.get("summary") and op.get("description") for _, _, op in operations(found))
    assert "HTTPBearer" in found["components"]["securitySchemes"]


async def test_every_refusal_is_declared_as_the_problem_that_it_is(world: World) -> None:
    found = await document(world)
    for _, path, operation in operations(found):
        for status, answer in operation["responses"].items():
            if status >= "400" and path != "/ready":
                schema = {"$ref": "#/components/schemas/Problem"}
                assert answer["content"] == {"application/problem+json": {"schema": schema}}, (path, status)
    assert "HTTPValidationError" not in json.dumps(found)


async def test_every_document_that_is_sent_or_taken_has_a_shape(world: World) -> None:
    for method, path, operation in operations(await document(world)):
        for status, answer in operation["responses"].items():
            if status < "400" and path != "/metrics":
                assert answer["content"]["application/json"]["schema"], (path, status)
        if method == "post":
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            assert body["properties"], path


async def test_operations_for_nobody_in_particular_answer_as_declared(world: World) -> None:
    for path in ("/health", "/ready", "/metrics"):
        await check(world, "get", path, 200)

    def away() -> str:
        raise Unavailable("no answer.")

    world.log.heads = lambda _: away()  # type: ignore[method-assign,assignment,return-value]
    await check(world, "get", "/ready", 503)


async def test_reading_answers_as_declared(world: World) -> None:
    found = incident()
    world.incidents.save([Saved(found, 0, 0)], [])
    await check(world, "get", "/incidents", 200)
    for path in ("/incidents/{incident_id}", "/incidents/{incident_id}/timeline"):
        await check(world, "get", path, 200, parameters={"incident_id": found.id})
    for path in ("/incidents/{incident_id}", "/incidents/{incident_id}/timeline", "/incidents/{incident_id}/grouping"):
        await check(world, "get", path, 404)
        await check(world, "get", path, 401, headers={})
        await check(world, "get", path, 422, parameters={"incident_id": "x" * 65})
    await check(world, "get", "/projects/{project_id}/events/{event_id}", 404)
    await check(world, "get", "/projects/{project_id}/events/{event_id}", 422, parameters={"event_id": "no"})
    await check(world, "get", "/incidents", 400, query="?cursor=zzz")
    await check(world, "get", "/incidents", 422, query="?status=nonsense")


async def test_a_store_that_is_away_answers_as_declared(world: World) -> None:
    def away(*_: object) -> Any:
        raise Unavailable("no answer.")

    world.incidents.find = world.incidents.get = away  # type: ignore[method-assign]
    world.evidence.event = away  # type: ignore[method-assign]
    await check(world, "get", "/incidents", 503)
    await check(world, "get", "/incidents/{incident_id}/grouping", 503)
    await check(world, "get", "/projects/{project_id}/events/{event_id}", 503)
    world.log.away = True
    await check(world, "post", f"{DEPLOYS}/{{version}}/deploys/", 503, json={"environment": "prod"})


async def test_deploys_answer_as_declared(world: World) -> None:
    deploy, release = f"{DEPLOYS}/{{version}}/deploys/", f"{DEPLOYS}/"
    url = "https://ci.example/7"
    await check(world, "post", deploy, 201, json={"environment": "prod", "name": "7", "url": url, "dateFinished": 1e9})
    await check(world, "post", release, 201, json={"version": "shop@1", "projects": ["shop"]})
    for path in (deploy, release):
        await check(world, "post", path, 400, json={})
        await check(world, "post", path, 400, json=[])
        await check(world, "post", path, 401, json={}, headers={})
        await check(world, "post", path, 413, content=b"x" * (65 << 10))
    await check(world, "post", deploy, 422, json={}, parameters={"version": "x" * 251})


async def test_an_event_and_its_grouping_answer_as_declared(world: World) -> None:
    answer = await world.envelope(b"{}\n" + item("event", b'{"message":"x"}'))
    world.evidence.insert([archived_row(body) for body in world.bodies()])
    found = incident(event_id=answer.json()["id"], project_id=ProjectId(world.project))
    world.incidents.save([Saved(found, 0, 0)], [])
    parameters = {"incident_id": found.id, "project_id": str(world.project), "event_id": found.event_id}
    await check(world, "get", "/incidents/{incident_id}/grouping", 200, parameters=parameters)
    await check(world, "get", "/projects/{project_id}/events/{event_id}", 200, parameters=parameters)


async def test_answers_to_an_incident_answer_as_declared(world: World) -> None:
    path, note = "/incidents/{incident_id}/responses", {"action": "note", "by": "ann", "text": "seen"}
    await check(world, "post", path, 404, json=note)
    world.incidents.save([Saved(incident(), 0, 0)], [])
    parameters = {"incident_id": incident().id}
    await check(world, "post", path, 201, json=note, parameters=parameters)
    await check(world, "post", path, 400, json=[], parameters=parameters)
    await check(world, "post", path, 401, json=note, parameters=parameters, headers={})
    await check(world, "post", path, 413, content=b"x" * (65 << 10), parameters=parameters)
    await check(world, "post", path, 422, json={"action": "note"}, parameters=parameters)
    await check(world, "post", path, 422, json=note | {"text": ""}, parameters=parameters)
    world.log.away = True
    await check(world, "post", path, 503, json=note, parameters=parameters)
