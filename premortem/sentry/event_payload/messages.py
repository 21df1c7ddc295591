"""Messages: `logentry`, `message` and raven's old interface, brought to one template and one formatted text."""

import re
from typing import Any

from premortem.sentry.event_payload import text

_NAMED = re.compile(r"%\((\w{1,100})\)[sdrf]")
_OLD = "sentry.interfaces.Message"
_MOST_PARAMS = 50


def logentry(payload: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return (template, formatted text) and keep them as `payload["logentry"]`; (None, None) without a message.

    Where the client sent only one of the two, the first is None when nothing was formatted.
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
    if message and not formatted:
        formatted = _format(message, params)
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


def _format(template: str, params: Any) -> str:
    """Fill in printf's placeholders and `{}` as far as the parameters go; a template that does not fit stays."""
    if isinstance(params, list) and params and len(params) <= _MOST_PARAMS:
        filled = [part if isinstance(part, str | int | float) else text.plain(part) for part in params]
        if "%" in template:
            return _printf(template, filled)
        pieces = template.split("{}")
        if len(pieces) == len(filled) + 1:
            return text.plain("".join(p + str(f) for p, f in zip(pieces, [*filled, ""], strict=True))) or template
    if isinstance(params, dict):
        # Few places, each with a short text: a template that names one long value often would grow without bound.
        return text.plain(_NAMED.sub(lambda m: _shown(params.get(m[1], m[0])), template, _MOST_PARAMS)) or template
    return template


def _shown(value: Any) -> str:
    return str(value if isinstance(value, int | float) else text.plain(value))


def _printf(template: str, params: list[Any]) -> str:
    iterator = iter(params)
    result = re.sub(r"%[sdifr]|%%", lambda m: "%" if m[0] == "%%" else str(next(iterator, m[0])), template)
    return text.plain(result) or template
