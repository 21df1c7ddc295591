"""Deploy notices, in the shape of Sentry's `POST .../releases/{version}/deploys/` (what sentry-cli sends)."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed
from premortem.sentry.scrub import Marker, scrub
from premortem.sentry.scrub.links import redact_link
from premortem.sentry.timestamps import parse_timestamp


class DeployNotice(Struct, frozen=True):
    """A release reached an environment."""

    release: str
    environment: str
    deployed_at: int
    name: str | None
    url: str | None


def parse(value: Any, release: str, received_at: int, salt: bytes) -> DeployNotice:
    """Return the notice, scrubbed (`salt` keys the marks); `release` comes from the path. Raises Malformed when release
    or environment is no name.
    """
    if not isinstance(value, dict):
        raise Malformed("deploy is not a JSON object")
    value, _ = scrub({**value, "release": release}, salt=salt)
    release = value["release"]
    environment = value.get("environment")
    if not isinstance(environment, str) or not 0 < len(environment) <= 64 or "/" in environment or "\n" in environment:
        raise Malformed("deploy has no environment (1 to 64 characters, no slash)")
    if not 0 < len(release) <= 200 or "\n" in release or release in (".", "latest"):
        raise Malformed("deploy has no usable release (1 to 200 characters, not 'latest')")
    finished = value.get("dateFinished") or value.get("dateStarted")
    name, url = value.get("name"), value.get("url")
    linked = isinstance(url, str) and url.startswith(("https://", "http://"))
    return DeployNotice(
        release=release,
        environment=environment,
        deployed_at=parse_timestamp(finished, received_at),
        name=name[:64] if isinstance(name, str) else None,
        url=redact_link(url, Marker(salt))[:500] if linked else None,
    )
