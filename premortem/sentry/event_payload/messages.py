"""Messages: `logentry`, `message` and raven's old interface, brought to one template and one formatted text."""

from typing import Any

from premortem.sentry.event_payload import text
from premortem.sentry.event_payload.templates import fill
from premortem.sentry.scrub import Mark
from premortem.sentry.scrub.parameters import mark_all

_OLD = "sentry.interfaces.Message"


def logentry(payload: dict[str, Any], mark: Mark) -> tuple[str | None, str | None]:
    """Return (template, formatted text) and keep them as `payload["logentry"]`; (None, None) without a message.

    Where the client sent only one of the two, the first is None when nothing was formatted. The payload is scrubbed
    already; `mark` makes the marks of secrets that show only once parameters stand in their places.
    """
    old = payload.pop(_OLD, None)
    entry: Any = payload.get("logentry") or old
    if entry is None:
        entry = payload.get("message")
    payload.pop("message", None)
    if isinstance(entry, dict):
        message, formatted = text.plain(entry.get("message")), text.plain(entry.get("formatted"))
        params: Any = entry.get("params")
    else:
        message, formatted, params = None, text.plain(entry), None
    if message and isinstance(params, list | dict | str) and params:
        formatted, params = _filled(message, formatted, params, mark)
    formatted = formatted or message
    if not formatted:
        payload.pop("logentry", None)
        return None, None
    kept: dict[str, Any] = {"formatted": formatted}
    if message and message != formatted:
        kept["message"] = message
        if params is not None:
            kept["params"] = params
    else:
        message = None
    payload["logentry"] = kept
    return message, formatted


def _filled(template: str, formatted: str | None, params: Any, mark: Mark) -> tuple[str | None, Any]:
    """Return the formatted text and the parameters, without secrets; the client's text, unless a parameter is one: then
    the template filled in tells exactly where it stands.

    Scrubbed before it is cut: what is cut off may be what shows that a parameter is a secret.
    """
    filled, secret = fill(template, params, mark)
    if secret or "[Filtered" in (formatted or ""):
        params = mark_all(params, mark)
    return (text.plain(filled) if secret or not formatted else formatted), params
