"""Browsers' security reports (CSP, HPKP, Expect-CT, Expect-Staple) and failed templates: what tells them apart."""

from typing import Any
from urllib.parse import urlsplit

Report = tuple[str, tuple[str, ...]]

_LOCAL = ("'unsafe-inline'", "'unsafe-eval'")
_INLINE_SCHEMES = ("data", "blob", "filesystem")


def template(payload: dict[str, Any]) -> tuple[str | None, str | None] | None:
    """Return file and line of a template that failed to render."""
    value = payload.get("template")
    if not isinstance(value, dict):
        return None
    filename = value.get("filename") or value.get("abs_path")
    line = value.get("context_line")
    return (filename if isinstance(filename, str) else None, line if isinstance(line, str) else None)


def security_report(payload: dict[str, Any]) -> Report | None:
    """Return the kind of report and the values that place it; None when the event is none."""
    csp = payload.get("csp")
    if isinstance(csp, dict):
        return "csp", _csp(csp)
    for kind, prefix in (("hpkp", "hpkp"), ("expectct", "expect-ct"), ("expectstaple", "expect-staple")):
        value = payload.get(kind)
        if isinstance(value, dict):
            host = value.get("hostname")
            return kind, (prefix, host if isinstance(host, str) else "")
    return None


def _csp(csp: dict[str, Any]) -> tuple[str, ...]:
    directive = csp.get("effective_directive") or csp.get("violated_directive") or ""
    directive = directive.split(" ", 1)[0] if isinstance(directive, str) else ""
    blocked = csp.get("blocked_uri")
    blocked = blocked if isinstance(blocked, str) else ""
    violated = csp.get("violated_directive")
    if directive in ("script-src", "style-src", "style-src-elem", "script-src-elem") and blocked in ("", "self"):
        for local in _LOCAL:
            if isinstance(violated, str) and local in violated:
                return directive, local
        return directive, "'self'"
    return directive, _origin(blocked)


def _origin(uri: str) -> str:
    """Return the host of a web address, scheme and host of another one, else what stands there."""
    if not uri or uri == "self":
        return "'self'"
    scheme = uri.split(":", 1)[0]
    if scheme in _INLINE_SCHEMES:
        return scheme + ":"
    try:
        netloc = urlsplit(uri).netloc
    except ValueError:
        netloc = ""
    if not netloc:
        return uri
    return netloc if scheme in ("http", "https") else f"{scheme}://{netloc}"
