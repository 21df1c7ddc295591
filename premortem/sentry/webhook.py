"""Webhooks that Sentry sends: who signed them, and what they say. Signatures are over the raw bytes of the body."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed


class ErrorNotice(Struct, frozen=True):
    """A stored event: from `error`, from an alert rule, from a service hook or from the legacy plugin."""

    event: dict[str, Any]
    web_url: str | None
    issue_id: str | None
    rules: tuple[str, ...]


class IssueNotice(Struct, frozen=True):
    """An issue changed: created, resolved, assigned, archived (formerly ignored) or unresolved."""

    action: str
    issue_id: str
    title: str
    status: str
    in_release: str | None
    web_url: str | None
    resolution_type: str | None


class MetricAlertNotice(Struct, frozen=True):
    """A metric alert changed its state: critical, warning, resolved or open."""

    action: str
    title: str
    web_url: str | None


class InstallationNotice(Struct, frozen=True):
    """The integration was installed or removed."""

    action: str
    installation: str


class Unused(Struct, frozen=True):
    """A kind of delivery that nothing here uses; counted by its resource."""

    resource: str
    action: str


WebhookNotice = ErrorNotice | IssueNotice | MetricAlertNotice | InstallationNotice | Unused


def verify_platform(body: bytes, signature: str, secret: str) -> bool:
    """Say whether `signature` (Sentry-Hook-Signature) is hex(HMAC-SHA256(client secret, raw body)). Constant time."""
    if not secret:
        return False
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


verify_service_hook = verify_platform
"""Service hooks (X-ServiceHook-Signature) sign in the same way, with the hook's own secret."""


def parse(headers: Mapping[str, str], value: Any) -> WebhookNotice:
    """Return what a delivery says; `headers` have lower-case names, `value` is the body parsed from JSON.

    The header Sentry-Hook-Resource marks the integration platform, X-ServiceHook-Signature a service hook, the keys
    `triggering_rules` or `project_slug` the legacy plugin. Raises Malformed when the body is none of them.
    """
    if not isinstance(value, dict):
        raise Malformed("webhook is not a JSON object")
    resource = headers.get("sentry-hook-resource", "")
    if resource:
        return _platform(resource, value)
    if "x-servicehook-signature" in headers or "triggering_rules" in value or "project_slug" in value:
        return _plugin(value)
    raise Malformed("webhook is of no known kind: no Sentry-Hook-Resource header, and not the legacy plugin's shape")


def _platform(resource: str, value: dict[str, Any]) -> WebhookNotice:
    action, data = _text(value.get("action")), _mapping(value.get("data"))
    match resource:
        case "error":
            return _error(_mapping(data.get("error")), ())
        case "event_alert":
            rule = _text(data.get("triggered_rule"))
            return _error(_mapping(data.get("event")), (rule,) if rule else ())
        case "issue":
            return _issue(action, _mapping(data.get("issue")), data)
        case "metric_alert":
            return MetricAlertNotice(action, _text(data.get("description_title")), _url(data.get("web_url")))
        case "installation":
            return InstallationNotice(action, _text(_mapping(data.get("installation")).get("uuid")))
        case _:
            return Unused(resource[:64], action[:64])


def _plugin(value: dict[str, Any]) -> WebhookNotice:
    event = _mapping(value.get("event"))
    if not event:
        raise Malformed("webhook has no event")
    rules = value.get("triggering_rules")
    labels = tuple(label for label in rules if isinstance(label, str)) if isinstance(rules, list) else ()
    # The plugin says some things beside the event only.
    merged = {
        name: value[name] for name in ("level", "culprit", "message", "logger") if isinstance(value.get(name), str)
    }
    return _error({**merged, **event}, labels, _url(value.get("url")))


def _error(event: dict[str, Any], rules: tuple[str, ...], web_url: str | None = None) -> ErrorNotice:
    if not event:
        raise Malformed("webhook has no event")
    issue_id = event.get("issue_id")
    if issue_id is None:  # payloads of 2020 have only the issue's address: .../issues/{id}/
        issue_id = _text(event.get("issue_url")).rstrip("/").rpartition("/")[2] or None
    url = _url(event.get("web_url")) or web_url
    return ErrorNotice(event, url, str(issue_id)[:32] if issue_id is not None else None, rules)


def _issue(action: str, issue: dict[str, Any], data: dict[str, Any]) -> IssueNotice:
    if not issue:
        raise Malformed("webhook has no issue")
    details = _mapping(issue.get("statusDetails"))
    return IssueNotice(
        action="archived" if action == "ignored" else action,
        issue_id=str(issue.get("id", ""))[:32],
        title=_text(issue.get("title"))[:256],
        status=_text(issue.get("status")),
        in_release=_text(details.get("inRelease")) or None,
        web_url=_url(issue.get("web_url")) or _url(issue.get("permalink")),
        resolution_type=_text(data.get("resolution_type")) or None,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _url(value: Any) -> str | None:
    return value[:1000] if isinstance(value, str) and value.startswith(("https://", "http://")) else None
