"""What is too much is refused item by item, counted where operators look and on the log, and costs no neighbour."""

import json
import logging

import brotli
import httpx
import pytest

from api import acceptance
from api.__main__ import limits_of
from api.acceptance import TAKERS, Intake, Source
from premortem.domain.project_stream import DropsCounted, ErrorSeen, SessionsCounted
from premortem.exceptions import Unavailable
from premortem.sentry.envelope import Item
from premortem.settings import Settings
from tests.api.conftest import KEY, SMALL, World, a_world, item
from tests.api.test_secrets import SOURCE

pytestmark = pytest.mark.anyio

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
OTHER_KEY = "0" * 32
EVENT = item("event", b'{"message":"x"}')
SESSION = item("session", b'{"init":true,"attrs":{"release":"shop@1"}}')


def envelope(*items: bytes) -> bytes:
    return f'{{"event_id":"{ID}"}}\n'.encode() + b"".join(items)


def limit(world: World, events_per_minute: int, *keys: str) -> None:
    for key in keys or (KEY,):
        world.administration.limit_key(key, events_per_minute)


async def send(world: World, body: bytes, endpoint: str = "envelope", key: str = KEY) -> httpx.Response:
    headers = {"x-sentry-auth": f"Sentry sentry_key={key}"}
    return await world.client.post(f"/api/{world.project}/{endpoint}/", content=body, headers=headers)


async def test_a_project_over_its_limit_is_told_when_to_come_back_and_may_in_the_next_minute(world: World) -> None:
    limit(world, 1)
    assert (await send(world, envelope(EVENT))).status_code == 200
    answer = await send(world, envelope(EVENT))
    assert answer.status_code == 429
    assert answer.headers["x-sentry-rate-limits"] == f"{answer.headers['retry-after']}:error:project:rate_limited"
    assert world.items() == {("event", "accepted"): 1, ("event", "rate_limited"): 1}
    world.clock.at += int(answer.headers["retry-after"]) * 1000
    assert (await send(world, envelope(EVENT))).status_code == 200


async def test_two_keys_of_a_project_share_its_limit(world: World) -> None:
    world.administration.create_key("acme", world.project, OTHER_KEY)  # type: ignore[arg-type]
    limit(world, 2, KEY, OTHER_KEY)
    answers = [await send(world, envelope(EVENT), key=key) for key in (KEY, OTHER_KEY, KEY, OTHER_KEY)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    other = world.administration.create_project("acme", "till", "Till", "1" * 32)  # type: ignore[arg-type]
    limit(world, 2, "1" * 32)
    headers = {"x-sentry-auth": f"Sentry sentry_key={'1' * 32}"}
    another = await world.client.post(f"/api/{other.id}/envelope/", content=envelope(EVENT), headers=headers)
    assert another.status_code == 200


async def test_what_stands_beside_a_limited_event_is_taken(world: World) -> None:
    limit(world, 1)
    await send(world, envelope(EVENT))
    answer = await send(world, envelope(EVENT, SESSION))
    assert (answer.status_code, answer.json()) == (200, {"id": ID})
    assert answer.headers["x-sentry-rate-limits"].endswith(":error:project:rate_limited")
    assert "retry-after" not in answer.headers
    assert [type(record) for record in world.records()] == [ErrorSeen, SessionsCounted]
    useless = await send(world, envelope(EVENT, item("attachment", b"x"), item("session", b"no")))
    assert useless.status_code == 429


async def test_events_beyond_the_limit_are_on_the_log_as_one_record_a_project(world: World) -> None:
    limit(world, 1)
    for _ in range(5):
        await send(world, envelope(EVENT))
    assert (await send(world, b'{"message":"x"}', "store")).status_code == 429
    await world.refusals.write(world.committer, world.clock.now())
    await world.refusals.write(world.committer, world.clock.now())
    (dropped,) = [record for record in world.records() if isinstance(record, DropsCounted)]
    said = (dropped.source, dropped.reason, dropped.category, dropped.quantity, dropped.project_id)
    assert said == ("gateway", "rate_limited", "error", 5, world.project)


async def test_refusals_that_cannot_be_written_are_written_later(world: World) -> None:
    limit(world, 1)
    for _ in range(3):
        await send(world, envelope(EVENT))
    world.log.away = True
    with pytest.raises(Unavailable):
        await world.refusals.write(world.committer, world.clock.now())
    world.log.away = False
    await world.refusals.write(world.committer, world.clock.now())
    assert [record.quantity for record in world.records() if isinstance(record, DropsCounted)] == [2]


async def test_an_event_sent_alone_has_the_limit_of_an_item(world: World) -> None:
    large = json.dumps({"message": "x" * SMALL.item}).encode()
    answer = await send(world, large, "store")
    assert answer.status_code == 413
    assert "exceeds 100000" in answer.json()["causes"][0]
    assert (await send(world, b"x" * (SMALL.wire + 1), "store")).status_code == 413
    for broken in (b"[1]", b"{", b"%"):
        assert (await send(world, broken, "store")).status_code == 400
    assert world.items() == {("event", "too_large"): 2, ("event", "invalid"): 3}
    assert world.records() == []


async def test_an_event_with_an_attachment_of_some_megabytes_is_taken_without_it() -> None:
    limits = limits_of(Settings(_env_file=None))  # type: ignore[call-arg]
    async with a_world(limits) as world:
        for megabytes in (1.2, 9):
            attachment = item("attachment", b"\n" * int(megabytes * (1 << 20)))
            assert (await send(world, envelope(attachment, EVENT))).status_code == 200
        packed = brotli.compress(envelope(EVENT, attachment))  # a few bytes, which become nine megabytes
        assert (await world.envelope(packed, content_encoding="br")).status_code == 200
        assert world.items() == {("event", "accepted"): 3, ("attachment", "skipped"): 3}
        assert (await send(world, envelope(EVENT, b"x" * (21 << 20)))).status_code == 413


async def test_large_bodies_share_what_they_may_take_and_small_ones_never_wait_for_it() -> None:
    limits = limits_of(Settings(_env_file=None, large_bodies_bytes=16 << 20))  # type: ignore[call-arg]
    async with a_world(limits) as world:
        body = envelope(EVENT, item("attachment", bytes(3 << 20)))
        answer = await send(world, body)  # twice 3 MiB, of 16 a quarter
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "too many large bodies" in answer.json()["detail"]
        smaller = envelope(EVENT, item("attachment", bytes(1800 << 10)))
        for _ in range(5):  # what was held is given back
            assert (await send(world, smaller)).status_code == 200
            assert (await send(world, envelope(EVENT))).status_code == 200


def broken(item: Item, source: Source, intake: Intake, _: str | None) -> None:
    TAKERS["session"](item, source, intake, None)
    raise KeyError(item.payload)


async def test_a_bug_that_an_item_brings_to_light_costs_that_item_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with a_world(SMALL, TAKERS | {"session": broken}) as world:
        with caplog.at_level(logging.ERROR):
            answer = await send(world, envelope(SESSION, EVENT))
        assert (answer.status_code, answer.json()) == (200, {"id": ID})
        assert world.items() == {("session", "invalid"): 1, ("event", "accepted"): 1}
        assert [type(record) for record in world.records()] == [ErrorSeen]
        alone = await send(world, envelope(SESSION))
        assert (alone.status_code, world.items()[("session", "invalid")]) == (400, 2)
    assert "session: KeyError at " in caplog.text
    assert "test_limits.py" in caplog.text
    assert "shop@1" not in caplog.text


async def test_a_bug_costs_a_stored_event_and_a_webhook_an_answer_that_is_no_5xx() -> None:
    async with a_world(SMALL, {"event": broken}) as breaking:
        assert (await send(breaking, b'{"attrs":{"release":"x"}}', "store")).status_code == 400
        assert breaking.items() == {("event", "invalid"): 1}
    intake = acceptance.take_event_object({"extra": object()}, SOURCE, None)  # which no JSON gives
    assert (intake.records, intake.outcomes) == ([], {("event", "invalid"): 1})
    assert "TypeError at" in intake.bugs[0]


@pytest.mark.parametrize(
    ("stated", "answered"),
    [
        (ID, {"id": ID}),
        ("9EC79C33-EC99-42AB-8353-589FCB2E04DC", {"id": ID}),
        ("<script>alert(1)</script>", {}),
        ("z" * 32, {}),
        ("1" * 31, {}),
        (7, {}),
    ],
)
async def test_only_an_event_id_is_repeated_in_the_answer(world: World, stated: object, answered: object) -> None:
    answer = await send(world, json.dumps({"event_id": stated}).encode() + b"\n" + SESSION)
    assert (answer.status_code, answer.json()) == (200, answered)
