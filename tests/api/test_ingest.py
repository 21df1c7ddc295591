"""What SDKs send is taken, kept before it is acknowledged, and answered as they expect."""

import asyncio
import base64
import gzip
import hashlib
import json
import zlib
from pathlib import Path

import brotli
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from premortem.domain.payload import EventBody, LogBody
from premortem.domain.project_stream import Deployed, DropsCounted, ErrorSeen, SessionsCounted
from tests.api.conftest import KEY, TOKEN, World, item

pytestmark = pytest.mark.anyio

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
SECRET = "hunter2-" + "not-a-real-one"
EVENT = {
    "event_id": ID,
    "platform": "python",
    "release": "shop@1",
    "exception": {
        "values": [
            {
                "type": "KeyError",
                "value": "'total'",
                "mechanism": {"type": "flask", "handled": False},
                "stacktrace": {
                    "frames": [{"module": "shop", "function": "price", "vars": {"password": SECRET}, "in_app": True}]
                },
            }
        ]
    },
}
EVENT_BYTES = json.dumps(EVENT).encode()


def envelope(*items: bytes) -> bytes:
    return f'{{"event_id":"{ID}"}}\n'.encode() + b"".join(items)


async def test_an_event_is_two_records_that_agree_before_it_is_acknowledged(world: World) -> None:
    answer = await world.envelope(envelope(item("event", EVENT_BYTES)))
    assert (answer.status_code, answer.json()) == (200, {"id": ID})
    (seen,), (body,) = world.records(), world.bodies()
    assert isinstance(seen, ErrorSeen)
    assert isinstance(body, EventBody)
    assert (seen.event_id, seen.handled, seen.release, seen.title) == (ID, False, "shop@1", "KeyError: 'total'")
    assert seen.body_hash == hashlib.sha256(bytes(body.payload)).hexdigest()
    assert body.fingerprint == seen.hashes[0]


async def test_a_secret_never_reaches_the_log(world: World) -> None:
    await world.envelope(envelope(item("event", EVENT_BYTES)))
    (body,) = world.bodies()
    assert isinstance(body, EventBody)
    assert SECRET.encode() not in bytes(body.payload)
    assert b"[Filtered:key:" in bytes(body.payload)


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstd.compress),
        ("", bytes),
    ],
)
async def test_every_encoding_is_undone(world: World, name: str, compress: type[bytes]) -> None:
    answer = await world.envelope(compress(envelope(item("event", EVENT_BYTES))), content_encoding=name)
    assert answer.status_code == 200
    assert len(world.records()) == 1


async def test_both_endpoints_answer_with_and_without_the_final_slash(world: World) -> None:
    auth = {"authorization": f"Sentry sentry_key={KEY}"}
    for path, body in (
        (f"/api/{world.project}/envelope", envelope(item("event", EVENT_BYTES))),
        (f"/api/{world.project}/envelope/?sentry_key={KEY}", envelope(item("event", EVENT_BYTES, explicit=False))),
        (f"/api/{world.project}/store", EVENT_BYTES),
        (f"/api/{world.project}/store/", base64.b64encode(zlib.compress(EVENT_BYTES))),
    ):
        answer = await world.client.post(path, content=body, headers={} if "?" in path else auth)
        assert (answer.status_code, answer.json()) == (200, {"id": ID}), path


async def test_a_tunnelled_envelope_is_known_by_its_dsn(world: World) -> None:
    header = json.dumps({"dsn": f"https://{KEY}@sentry.example/{world.project}"}).encode() + b"\n"
    answer = await world.client.post("/tunnel", content=header + item("event", EVENT_BYTES))
    assert answer.status_code == 200
    assert len(world.records()) == 1


async def test_browsers_are_let_in(world: World) -> None:
    answer = await world.client.options(f"/api/{world.project}/envelope/")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-sentry-auth" in answer.headers["access-control-allow-headers"]


async def test_one_bad_item_never_harms_its_neighbour(world: World) -> None:
    body = envelope(
        item("session", b"not json"), item("event", EVENT_BYTES), item("brand_new", b"x"), item("log", b"y" * 100_001)
    )
    assert (await world.envelope(body)).status_code == 200
    assert len(world.records()) == 1
    text = (await world.client.get("/metrics")).text
    for kind, outcome in (("session", "invalid"), ("event", "accepted"), ("unknown", "skipped"), ("log", "too_large")):
        assert f'premortem_items_total{{outcome="{outcome}",type="{kind}"}} 1.0' in text


async def test_only_unknown_items_are_fine_and_only_bad_ones_are_not(world: World) -> None:
    unknown = await world.envelope(envelope(item("brand_new", b"x")))
    assert (unknown.status_code, unknown.json()) == (200, {"id": ID})
    bad = await world.envelope(envelope(item("event", b"[]")))
    assert bad.status_code == 400
    assert bad.json()["causes"] == ["event: event is not a JSON object"]
    large = await world.envelope(envelope(item("event", b'"' + b"x" * 100_000 + b'"')))
    assert large.status_code == 413


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"nope", {}, 400),
        (gzip.compress(bytes(400_000)), {"content_encoding": "gzip"}, 413),
        (b"x" * 150_001, {}, 413),
        (b"{}\n", {"content_encoding": "lzma"}, 400),
        (b"{}\n", {"x_sentry_auth": "Sentry sentry_key=short"}, 400),
        (b"{}\n", {"x_sentry_auth": f"Sentry sentry_key={'a' * 32}"}, 403),
        (b"{}\n", {"x_sentry_auth": ""}, 401),
    ],
)
async def test_what_cannot_be_taken_gets_a_clear_error(
    world: World, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await world.envelope(body, **headers)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert world.records() == []


async def test_other_methods_and_a_disabled_key_are_refused(world: World) -> None:
    assert (await world.client.get(f"/api/{world.project}/envelope/")).status_code == 405
    world.administration.disable_key(KEY)
    assert (await world.envelope(envelope(item("event", EVENT_BYTES)))).status_code == 403


async def test_nothing_is_acknowledged_while_the_log_is_away(world: World) -> None:
    world.log.away = True
    answer = await world.envelope(envelope(item("event", EVENT_BYTES)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    world.log.away = False
    assert (await world.envelope(envelope(item("event", EVENT_BYTES)))).status_code == 200
    assert len(world.records()) == 1


async def test_many_requests_at_once_from_one_address_are_all_answered(world: World) -> None:
    body = envelope(item("event", EVENT_BYTES))
    answers = await asyncio.gather(*(world.envelope(body) for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.records()) == 60


async def test_a_body_that_never_ends_is_cut_off(world: World) -> None:
    messages: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: object) -> None:
        messages.append(message)  # type: ignore[arg-type]

    scope = {"type": "http", "method": "POST", "path": "/api/1/envelope/", "headers": [], "query_string": b""}
    await world.app(scope, receive, send)  # type: ignore[arg-type]
    assert messages[0]["status"] == 408


async def test_exposure_drops_logs_and_check_ins_become_records(world: World) -> None:
    attrs = {"release": "shop@1", "environment": "prod"}
    sessions = {"aggregates": [{"started": "2026-11-22T14:00:00Z", "exited": 5, "crashed": 1}], "attrs": attrs}
    report = {"discarded_events": [{"reason": "before_send", "category": "error", "quantity": 3}]}
    log = {"items": [{"body": f"password={SECRET}1", "level": "error"}]}
    answer = await world.envelope(
        envelope(
            item("sessions", json.dumps(sessions).encode()),
            item("transaction", b'{"contexts":{"trace":{"status":"internal_error"}}}'),
            item("client_report", json.dumps(report).encode()),
            item("log", json.dumps(log).encode()),
            item("check_in", b'{"monitor_slug":"nightly","status":"error"}'),
        )
    )
    assert answer.status_code == 200
    records = world.records()
    exposure = [(r.unit, r.exited, r.errored, r.crashed) for r in records if isinstance(r, SessionsCounted)]
    assert exposure == [("session", 5, 0, 1), ("transaction", 0, 1, 0)]
    assert [r.quantity for r in records if isinstance(r, DropsCounted)] == [3]
    lines = [body.body for body in world.bodies() if isinstance(body, LogBody)]
    assert len(lines) == 2
    assert SECRET not in lines[0]


async def test_sentry_cli_can_tell_of_a_deploy(world: World) -> None:
    path = "/api/0/organizations/acme/releases/shop@1.1.0/deploys/"
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = await world.client.post(path, json={"environment": "production"}, headers=headers)
    assert answer.status_code == 201
    assert answer.json()["environment"] == "production"
    (record,) = world.records()
    assert isinstance(record, Deployed)
    assert (record.release, record.environment) == ("shop@1.1.0", "production")
    assert (await world.client.post(path, json={}, headers=headers)).status_code == 400
    assert (await world.client.post(path, json={"environment": "p"})).status_code == 401


async def test_webhooks_are_believed_by_signature_or_secret(world: World, shared_data: Path) -> None:
    file = shared_data / "sentry/webhooks/signed_deliveries.json"
    deliveries = json.loads(file.read_text())["deliveries"]
    for delivery in deliveries:
        world.administration._integrations.clear()
        world.administration.create_integration("acme", world.project, "sentry-platform", delivery["client_secret"])  # type: ignore[arg-type]
        body = base64.b64decode(delivery["body_b64"])
        good = await world.client.post("/webhooks/sentry", content=body, headers=delivery["headers"])
        assert good.status_code == 200, delivery["name"]
        bad = await world.client.post("/webhooks/sentry/", content=body + b" ", headers=delivery["headers"])
        assert bad.status_code == 401
    assert any(isinstance(record, ErrorSeen) for record in world.records())
    world.administration.create_integration("acme", world.project, "sentry-plugin", "in-the-path")  # type: ignore[arg-type]
    legacy = {"project_slug": "shop", "url": "https://sentry.example/1", "event": EVENT}
    assert (await world.client.post("/webhooks/sentry/in-the-path", json=legacy)).status_code == 200
    assert (await world.client.post("/webhooks/sentry/wrong", json=legacy)).status_code == 401
    assert world.records()[-1].project_id == world.project


@given(
    st.sampled_from(["/api/1/envelope/", "/api/1/store/", "/tunnel", "/webhooks/sentry", "/api/x/envelope"]),
    st.binary(max_size=200) | st.just(EVENT_BYTES).map(lambda b: b'{}\n{"type":"event"}\n' + b),
    st.sampled_from(["", "gzip", "br", "zstd", "deflate", "junk"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_comes_is_answered_in_json_and_never_with_a_5xx(
    world: World, path: str, body: bytes, encoding: str, auth: str
) -> None:
    headers = {"content-encoding": encoding, "x-sentry-auth": f"Sentry sentry_key={KEY}, {auth}"}
    answer = await world.client.post(path, content=body, headers=headers)
    assert answer.status_code < 500
    answer.json()
