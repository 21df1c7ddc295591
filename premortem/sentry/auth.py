"""Who is sending: the forms in which Sentry's clients present their key, in the order in which Relay reads them."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from msgspec import Struct

from premortem.exceptions import Malformed, Permanent
from premortem.sentry import dsn

_KEY = re.compile(r"[0-9A-Za-z]{32}\Z")
_LONGEST = 4096


class AuthRejected(Permanent):
    """The request does not say, or says twice, or says wrongly, who is sending; `status` is the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Credentials(Struct, frozen=True):
    """Whose key it is. `project_id` is the one in the path, or in the envelope's DSN for a tunnel."""

    public_key: str
    project_id: str | None = None
    client: str = ""
    version: str = ""


def parse(headers: Mapping[str, str], query: str) -> Credentials | None:
    """Return the credentials of a request, None when it brings none.

    `headers` have lower-case names. Read in Relay's order: X-Sentry-Auth and Authorization (both only when they begin
    with "sentry ", an empty one counts as absent), then the query string. Raises AuthRejected (401) when more than
    one is there, (400) when the key has the wrong form.
    """
    found = [_pairs(headers[name]) for name in ("x-sentry-auth", "authorization") if _is_sentry(headers.get(name, ""))]
    if "sentry_" in query:
        found.append(dict(parse_qsl(query[:_LONGEST], keep_blank_values=True)))
    if len(found) > 1:
        raise AuthRejected(401, "multiple authorization payloads detected")
    if not found:
        return None
    values = found[0]
    if not values.get("sentry_key"):
        raise AuthRejected(401, "missing authorization information: sentry_key")
    return Credentials(
        _checked(values["sentry_key"]),
        None,
        values.get("sentry_client", "")[:200],
        values.get("sentry_version", "")[:20],
    )


def combine(credentials: Credentials | None, envelope_dsn: str | None, project_id: str | None) -> Credentials:
    """Return who is sending to which project, after comparing with the envelope's own DSN.

    `project_id` is the one in the path; None for a tunnel, where the DSN alone says it. Raises AuthRejected: 401
    without any credentials, 400 for a project id or a DSN of the wrong form, 403 when the two disagree.
    """
    stated = None
    if envelope_dsn is not None:
        try:
            stated = dsn.parse(envelope_dsn)
        except Malformed as exception:
            raise AuthRejected(400, f"envelope dsn: {exception}") from exception
    if credentials is None:
        if stated is None:
            raise AuthRejected(401, "missing authorization information")
        credentials = Credentials(_checked(stated.public_key))
    elif stated is not None and stated.public_key != credentials.public_key:
        raise AuthRejected(403, "the envelope's dsn has another public key than the request")
    if project_id is None:
        if stated is None:
            raise AuthRejected(401, "a tunnelled envelope needs a dsn in its header")
        project_id = stated.project_id
    elif stated is not None and stated.project_id != project_id:
        raise AuthRejected(403, "the envelope's dsn has another project id than the request")
    if not (project_id.isascii() and project_id.isdigit() and len(project_id) <= 19):
        raise AuthRejected(400, "invalid project id in the path")
    return Credentials(credentials.public_key, project_id, credentials.client, credentials.version)


def _is_sentry(value: str) -> bool:
    return value[:7].lower() == "sentry "


def _pairs(value: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in value[7:_LONGEST].split(","))
    return {name.strip().lower(): text.strip().strip('"') for name, _, text in pairs}


def _checked(key: str) -> str:
    if not _KEY.match(key):
        raise AuthRejected(400, "bad public key: 32 letters and digits are expected")
    return key
