"""Webhooks are believed by their signature and understood in every shape that Sentry has sent."""

import base64
import json
from pathlib import Path

import pytest

from premortem.exceptions import Malformed
from premortem.sentry.webhook import (
    ErrorNotice,
    InstallationNotice,
    IssueNotice,
    MetricAlertNotice,
    Unused,
    parse,
    verify_platform,
)


def test_sentrys_own_signatures_are_believed_and_changed_ones_are_not(shared_data: Path) -> None:
    deliveries = json.loads((shared_data / "sentry/webhooks/signed_deliveries.json").read_text())["deliveries"]
    assert len(deliveries) >= 5
    for delivery in deliveries:
        body = base64.b64decode(delivery["body_b64"])
        signature = delivery["headers"]["Sentry-Hook-Signature"]
        assert verify_platform(body, signature, delivery["client_secret"]), delivery["name"]
        assert not verify_platform(body + b" ", signature, delivery["client_secret"])
        assert not verify_platform(body, signature[:-1] + "0", "another secret")
        assert not verify_platform(body, signature, "")


def test_every_known_payload_is_understood(shared_data: Path) -> None:
    wanted = {
        "comment": Unused,
        "event_alert": ErrorNotice,
        "installation": InstallationNotice,
        "issue": IssueNotice,
        "metric_alert": MetricAlertNotice,
    }
    files = [
        *(shared_data / "sentry/webhooks/integration-platform-example").glob("*.json"),
        *(shared_data / "sentry/webhooks/zulip-real").glob("*.json"),
    ]
    assert len(files) > 20
    for file in files:
        resource = file.name.split(".")[0]
        notice = parse({"sentry-hook-resource": resource}, json.loads(file.read_text()))
        assert isinstance(notice, wanted[resource]), file.name


def test_the_legacy_plugins_events_are_found(shared_data: Path) -> None:
    for file in (shared_data / "sentry/webhooks/legacy-plugin").glob("*.json"):
        value = json.loads(file.read_text())
        if "event" in value and ("triggering_rules" in value or "project_slug" in value):
            assert isinstance(parse({}, value), ErrorNotice), file.name


def test_ignored_and_archived_are_one_word() -> None:
    issue = {"action": "ignored", "data": {"issue": {"id": 5, "title": "t"}}}
    notice = parse({"sentry-hook-resource": "issue"}, issue)
    assert isinstance(notice, IssueNotice)
    assert (notice.action, notice.issue_id) == ("archived", "5")


def test_an_address_that_is_no_web_address_is_left_out() -> None:
    value = {"data": {"error": {"event_id": "a" * 32, "web_url": "javascript:alert(1)"}}}
    notice = parse({"sentry-hook-resource": "error"}, value)
    assert isinstance(notice, ErrorNotice)
    assert notice.web_url is None


@pytest.mark.parametrize("value", [None, [], "x", {}, {"data": 1}, {"event": []}])
def test_another_shape_is_malformed(value: object) -> None:
    for headers in ({}, {"sentry-hook-resource": "error"}):
        with pytest.raises(Malformed):
            parse(headers, value)
