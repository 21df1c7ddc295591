"""Commands that send events: one by hand, or a handful of samples."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from premortem.cli.output import console, json_option, print_json
from premortem.exceptions import Malformed, Unavailable
from premortem.settings import Settings

_SECONDS = 10.0


def send_event(
    message: Annotated[str, typer.Argument(help="The exception's text.")] = "sent by hand",
    kind: Annotated[str, typer.Option("--type", help="The exception's type.")] = "ManualError",
    release: Annotated[str | None, typer.Option(help="Release.")] = None,
    environment: Annotated[str | None, typer.Option(help="Environment.")] = "production",
    handled: Annotated[bool, typer.Option(help="Whether the program caught it.")] = False,
    dsn_text: Annotated[str | None, typer.Option("--dsn", help="DSN; the first project's when left out.")] = None,
    as_json: Annotated[bool, json_option('{"id"}')] = False,
) -> None:
    """Send one error event, as an SDK would, and print its id."""
    event_id = _send(_event(kind, message, release, environment, handled), dsn_text)
    if as_json:
        print_json({"id": event_id})
    else:
        console().print(event_id)


def seed(as_json: Annotated[bool, json_option('{"ids"}')] = False) -> None:
    """Send a few different sample errors to the first project."""
    ids = [_send(_event(kind, text, "sample@1.0.0", "production", handled), None) for kind, text, handled in _SAMPLES]
    if as_json:
        print_json({"ids": ids})
    else:
        console().print(f"Sent {len(ids)} events. See them: premortem incidents list")


_SAMPLES = (
    ("ConnectionError", "could not connect to payments:443", False),
    ("KeyError", "'total'", False),
    ("TimeoutError", "inventory did not answer in 5 s", True),
)


def _event(kind: str, text: str, release: str | None, environment: str | None, handled: bool) -> dict[str, Any]:
    frame = {"module": "sample", "function": kind.lower(), "filename": "sample.py", "lineno": 1, "in_app": True}
    value = {
        "type": kind,
        "value": text,
        "mechanism": {"type": "premortem-cli", "handled": handled},
        "stacktrace": {"frames": [frame]},
    }
    return {
        "event_id": secrets.token_hex(16),
        "timestamp": datetime.now(UTC).isoformat(),  # noqa: TID251 -- the command line is a client: this is its own event time
        "platform": "python",
        "level": "error",
        "release": release,
        "environment": environment,
        "exception": {"values": [value]},
    }


def _send(event: dict[str, Any], dsn_text: str | None) -> str:
    """Send the event as an envelope and return the id that the gateway answered with."""
    import httpx

    from premortem.sentry import dsn

    try:
        target = dsn.parse(dsn_text or _first_dsn())
    except Malformed as exception:
        raise Malformed(f"{exception}. List the DSNs in use: premortem project list.") from exception
    body = b"\n".join((orjson.dumps({"event_id": event["event_id"]}), b'{"type":"event"}', orjson.dumps(event)))
    host = f"[{target.host}]" if ":" in target.host else target.host
    url = f"{target.scheme}://{host}:{target.port}{target.path}/api/{target.project_id}/envelope/"
    headers = {"x-sentry-auth": f"Sentry sentry_key={target.public_key}, sentry_version=7, sentry_client=premortem-cli"}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as exception:
        raise Unavailable(f"{url} did not answer: {exception}. Start the stack: premortem up.") from exception
    if answer.status_code != 200:
        mend = " List the DSNs in use: premortem project list." if answer.status_code == 403 else ""
        raise Malformed(f"the gateway answered {answer.status_code}: {answer.text[:500]}.{mend}")
    try:
        return str(answer.json()["id"])
    except (ValueError, KeyError, TypeError) as exception:
        raise Malformed(f"what listens at {url} is no Premortem. Look at: premortem status.") from exception


def _first_dsn() -> str:
    from premortem.cli import dsns

    project, found = dsns.first(Settings())
    if found is None:
        raise Malformed(f"every key of project {project.id} is disabled (premortem key create {project.id})")
    return found
