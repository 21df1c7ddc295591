"""Notices over HTTP: signed webhooks, and messages for Slack. Posted once, within seconds, without redirects.

Targets are set by administrators on the command line, and may be inside the network: nothing that an event says leads
to one, and nothing of an answer but its status is used.
"""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from premortem.adapters.notifier import slack
from premortem.adapters.notifier.signing import signature
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Notice, NotificationTarget

_SECONDS = 5.0
_AGAIN = frozenset({408, 425, 429})


class HttpNotifier:
    """Posts notices. `now` returns the time (ms) that a signature is dated with: receivers refuse an old one."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._client = httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False)

    def notify(self, target: NotificationTarget, notice: Notice) -> None:
        """Deliver once. Raises Unavailable when it may work later, Malformed when the target refuses."""
        content, headers = self._request(target, notice)
        try:
            # What a target says is never read: its answer may have no end.
            with self._client.stream("POST", target.url, content=content, headers=headers) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise Unavailable(f"notification target {target.id} does not answer: {_said(problem)}") from problem
        if 200 <= status < 300:
            return
        if status in _AGAIN or status >= 500:
            raise Unavailable(f"notification target {target.id} answers {status}")
        raise Malformed(f"notification target {target.id} refuses notices ({status}). Mend or remove it.")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, target: NotificationTarget, notice: Notice) -> tuple[bytes, dict[str, str]]:
        headers = {"content-type": "application/json", "user-agent": "premortem"}
        if target.kind == "slack":
            return msgspec.json.encode(slack.message(notice)), headers
        content = msgspec.json.encode(_body(notice))
        timestamp = self._now() // 1000
        headers["webhook-id"] = notice.id
        headers["webhook-timestamp"] = str(timestamp)
        headers["webhook-signature"] = signature(target.secrets, notice.id, timestamp, content)
        return content, headers


def _body(notice: Notice) -> dict[str, Any]:
    """Return the payload as the specification recommends it: type, timestamp, data."""
    return {
        "type": f"incident.{notice.occasion}",
        "timestamp": notice.at,
        "data": {
            "incident_id": notice.incident_id,
            "tenant": notice.tenant_id,
            "project": notice.project_id,
            "severity": notice.severity,
            "title": notice.title,
            "text": notice.text,
            "url": notice.url,
            "origin_url": notice.origin_url,
            "owner": notice.owner,
            "acknowledged_by": notice.acknowledged_by,
        },
    }


def _said(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
