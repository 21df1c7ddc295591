"""No secret reaches the log, whatever carries it: a parameter of a message, a deploy, a webhook, a session.

Each test takes a request in as the gateway does and looks for the secret in every record that would be appended.
"""

import json
from typing import Any

import msgspec
import pytest

from api import acceptance
from api.acceptance import Intake, Source
from premortem.domain import payload
from premortem.domain.ids import ProjectId, TenantId
from premortem.ports import ProjectKey
from premortem.sentry import deploys
from premortem.sentry.envelope import Envelope, Item
from tests.builders import NOW

SECRET = "hunter2-" + "xK9qz"
KEY = ProjectKey("k" * 32, TenantId("acme"), ProjectId(1), active=True, events_per_minute=0)
SOURCE = Source(KEY, NOW, "f" * 32, b"salt")


def taken(kind: str, value: object) -> Intake:
    """Return what an envelope of one item becomes."""
    return acceptance.take_envelope(Envelope({}, (Item(kind, {}, json.dumps(value).encode()),)), SOURCE, 1 << 20)


def stored(intake: Intake) -> str:
    """Return the text of every record, bodies unpacked."""
    assert intake.records
    return "\n".join(
        (
            msgspec.json.encode(payload.decode(append.value)) if append.topic == "sentry.payloads" else append.value
        ).decode()
        for append in intake.records
    )


def logentry(message: str, params: Any, **more: str) -> dict[str, Any]:
    return {"logentry": {"message": message, "params": params, **more}}


MESSAGES = {
    "printf": logentry("login with password=%s", [SECRET]),
    "printf, by name": logentry("login with password=%(p)s", {"p": SECRET}),
    "braces": logentry("login with password={}", [SECRET]),
    "braces, by name, which nothing here fills in": logentry("login with password={p}", {"p": SECRET}),
    "the second of two": logentry("%s logs in with password=%s", ["bob", SECRET]),
    "more places than parameters": logentry("password={} {} {}", [SECRET]),
    "name and secret from parameters": logentry("login with %s=%s", ["password", SECRET]),
    "a url": logentry("connect to postgres://%s:%s@db/shop", ["shop", SECRET]),
    "a header": logentry("sent Authorization: %s", [f"Basic {SECRET}"]),
    "quoted": logentry('sent {"password": "%s"}', [SECRET]),
    "formatted by the client": logentry("password=%s", [SECRET], formatted=f"password={SECRET}"),
    "formatted and cut off by the client": logentry("%s password=%s", ["x" * 50, SECRET], formatted="x" * 20 + "..."),
    "filtered by the client": logentry("use %s", [SECRET], formatted="use [Filtered]"),
    "far behind, where the text is cut": logentry("%s password=%s", ["x" * 9000, SECRET]),
    "deep in a parameter": logentry("password=%s", [{"value": [SECRET]}]),
    "of several words": logentry(
        "password=%s", [f"correct horse {SECRET}"], formatted=f"password=correct horse {SECRET}"
    ),
    "the last of many": logentry("%s, " * 150 + "password=%s", ["x"] * 150 + [SECRET]),
    "the last of many, by name": logentry("%(x)s, " * 150 + "password=%(p)s", {"x": "y", "p": SECRET}),
    "a text for a list": logentry("password=%s", SECRET),
    "message as an object": {"message": {"message": "password=%s", "params": [SECRET]}},
    "raven": {"sentry.interfaces.Message": {"message": "password=%s", "params": [SECRET]}},
    "beside an exception": {"exception": [{"type": "E", "value": "x"}], **logentry("password=%s", [SECRET])},
    "a console's breadcrumb": {
        "message": "x",
        "breadcrumbs": [{"message": f"password= {SECRET}", "data": {"arguments": ["password=", SECRET]}}],
    },
    "a console's message": {"message": f"password= {SECRET}", "extra": {"arguments": ["password=", SECRET]}},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_secret_that_is_filled_into_a_message_is_in_no_record(name: str) -> None:
    intake = taken("event", MESSAGES[name])
    assert SECRET not in stored(intake)
    assert intake.scrubbed or "filtered by the client" in name


def test_parameters_that_are_no_secrets_stay_and_the_message_shows_them() -> None:
    text = stored(taken("event", logentry("order %s of %s took %s s", ["A-17", "bob", 3])))
    assert "order A-17 of bob took 3 s" in text
    assert '"params":["A-17","bob",3]' in text
    text = stored(taken("event", logentry("%s logs in with password=%s", ["bob", SECRET])))
    assert "bob logs in with password=[Filtered:key:" in text


def test_equal_secrets_in_a_message_and_its_parameters_have_equal_marks() -> None:
    event = logentry("password=%s", [SECRET]) | {"extra": {"password": SECRET}}
    marks = {part[:24] for part in stored(taken("event", event)).split("[Filtered:key:")[1:]}
    assert len({mark[:8] for mark in marks}) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"sentry.message.template": "password=%s", "sentry.message.parameter.0": SECRET},
        {"sentry.message.template": "password={p}", "sentry.message.parameter.p": SECRET},
        {"sentry.message.parameter.0": SECRET},
    ],
)
def test_a_secret_that_is_filled_into_a_log_line_is_in_no_record(attributes: dict[str, str]) -> None:
    wrapped = {name: {"value": value, "type": "string"} for name, value in attributes.items()}
    for kept in (wrapped, attributes):
        intake = taken("log", {"items": [{"body": f"password={SECRET}", "attributes": kept}]})
        assert SECRET not in stored(intake)
        assert intake.scrubbed >= 2


def test_a_template_of_a_log_line_tells_of_a_secret_although_its_text_does_not() -> None:
    for body in ("pass", f"password=correct horse {SECRET}"):
        attributes = {"sentry.message.template": "%s: password=%s", "sentry.message.parameter.0": "bob"}
        attributes["sentry.message.parameter.1"] = f"correct horse {SECRET}"
        text = stored(taken("log", {"items": [{"body": body, "attributes": attributes}]}))
        assert SECRET not in text
        assert '"body":"bob: password=[Filtered:key:' in text


def test_parameters_of_a_log_line_that_are_no_secrets_stay() -> None:
    attributes = {"sentry.message.template": "took %s s", "sentry.message.parameter.0": 3}
    text = stored(taken("log", {"items": [{"body": "took 3 s", "attributes": attributes}]}))
    assert '"body":"took 3 s"' in text
    assert '"sentry.message.parameter.0":3' in text


RELEASE = f"https://ci:{SECRET}@ci/shop@1"
"""A release that somebody made of the address of its build."""
RECORDS: dict[str, dict[str, Any]] = {
    "session": {"init": True, "attrs": {"release": RELEASE, "environment": f"password={SECRET}"}},
    "sessions": {"aggregates": [{"exited": 1}], "attrs": {"release": RELEASE, "environment": f"password={SECRET}"}},
    "transaction": {"release": RELEASE, "environment": f"password={SECRET}"},
    "client_report": {
        "discarded_events": [{"reason": f"password={SECRET}", "category": f"token={SECRET}", "quantity": 1}]
    },
    "check_in": {"monitor_slug": f"password={SECRET}", "release": RELEASE, "environment": f"token={SECRET}"},
    "log": {"items": [{"body": "x", "trace_id": f"password={SECRET}", "attributes": {f"password={SECRET}": 1}}]},
    "event": {"release": f"shop:password={SECRET}", "_meta": {"password": SECRET}},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_secret_is_in_no_record_of_any_kind(kind: str) -> None:
    intake = taken(kind, RECORDS[kind])
    assert SECRET not in stored(intake)
    assert "[Filtered:" in stored(intake)
    assert intake.scrubbed >= 1


def test_every_item_that_is_read_is_looked_at() -> None:
    assert set(RECORDS) == set(acceptance.TAKERS)


def test_a_release_is_marked_alike_by_every_record_that_names_it() -> None:
    release = f"shop password={SECRET}"
    intakes = [
        taken("event", {"release": release}),
        taken("transaction", {"release": release}),
        taken("sessions", {"aggregates": [{"exited": 1}], "attrs": {"release": release}}),
        acceptance.take_deploy(deploys.parse({"environment": "p"}, release, NOW, SOURCE.salt), SOURCE),
    ]
    named = {json.loads(intake.records[0].value)["release"] for intake in intakes}
    assert len(named) == 1
    assert SECRET not in named.pop()


def test_a_deploy_is_recorded_without_the_secrets_of_its_name_and_address() -> None:
    value = {
        "environment": "production",
        "name": f"deploy token={SECRET}",
        "url": f"https://u:{SECRET}@ci.example/jobs/7?build=7&token={SECRET}",
    }
    intake = acceptance.take_deploy(deploys.parse(value, f"shop password={SECRET}", NOW, SOURCE.salt), SOURCE)
    assert SECRET not in stored(intake)
    assert json.loads(intake.records[0].value)["url"].startswith("https://ci.example/jobs/7?build=7&token=[Filtered:")


@pytest.mark.parametrize("user", [f"u:{SECRET}@", f"{SECRET}@", f"u:a@b:{SECRET}@", ""])
def test_the_link_to_a_webhooks_event_leads_there_without_secrets(user: str) -> None:
    link = f"https://{user}sentry.example/issues/1/?referrer=hook&token={SECRET}"
    intake = acceptance.take_event_object({"message": "x"}, SOURCE, link)
    assert SECRET not in stored(intake)
    shown = json.loads(intake.records[0].value)["origin_url"]
    assert shown.startswith("https://sentry.example/issues/1/?referrer=hook&token=[Filtered:")
    plain = acceptance.take_event_object({"message": "x"}, SOURCE, "https://sentry.example/issues/1/")
    assert json.loads(plain.records[0].value)["origin_url"] == "https://sentry.example/issues/1/"
