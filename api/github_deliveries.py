"""What GitHub's webhooks say, of the few that are of use: pull requests of ours, and deploys. Pure."""

import hashlib
import hmac
import re
from typing import Any

from msgspec import Struct

from premortem.domain.pull_request_ends import Said
from premortem.exceptions import Malformed
from premortem.ports import DeployedBy
from premortem.sentry.timestamps import parse_timestamp

BRANCH = re.compile(r"premortem/([0-9a-f-]{36})/[a-z]+-\d+\Z")
"""A branch of ours: the incident is in it."""
_LINK = re.compile(r"/incidents/([0-9a-f-]{36})\b")
_VERSION = re.compile(r"(?:refs/tags/)?((?:[\w.-]+[@/-])?v?\d+\.\d+[\w.+-]*)\Z")
_LONGEST = 4000
USED = frozenset(
    {
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "issue_comment",
        "deployment_status",
        "release",
        "push",
    }
)
"""Events whose body is read at all."""


class Merged(Struct, frozen=True, kw_only=True):
    """A pull request was merged."""

    repository: str
    incident_id: str
    number: int
    commit: str
    at: int


class Closed(Struct, frozen=True, kw_only=True):
    """A pull request was closed without being merged."""

    repository: str
    incident_id: str
    number: int
    said: Said


class Commented(Struct, frozen=True, kw_only=True):
    """Somebody said something of a pull request: `incident_id` is what its branch or its text names, true or not."""

    repository: str
    incident_id: str
    number: int
    said: Said


class Shipped(Struct, frozen=True, kw_only=True):
    """Something that may be a deploy. `branch` = where a push went; `environment` empty = not said."""

    repository: str
    by: DeployedBy
    release: str
    at: int
    branch: str = ""
    environment: str = ""
    url: str | None = None


class Useless(Struct, frozen=True, kw_only=True):
    """Nothing that anything here acts upon."""

    repository: str = ""


Delivery = Merged | Closed | Commented | Shipped | Useless


def verify(body: bytes, signature: str, secret: str) -> bool:
    """Say whether `signature` (X-Hub-Signature-256) is `sha256=` and hex(HMAC-SHA256(secret, raw body)). Constant time.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    if not secret:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def parse(event: str, value: Any, now: int) -> Delivery:
    """Return what a delivery says. `event` = X-GitHub-Event, `value` = the body parsed from JSON, `now` in ms: no time
    that is said is later. Raises Malformed when the body is not what that event has.
    """
    if not isinstance(value, dict):
        raise Malformed("a delivery of GitHub is a JSON object.")
    repository = _text(_mapping(value.get("repository")).get("full_name"))
    action = _text(value.get("action"))
    useless = Useless(repository=repository)
    match event, action:
        case "pull_request", "closed":
            return _ended(repository, value, now) or useless
        case "pull_request_review", "submitted":
            return _reviewed(repository, value, now) or useless
        case "pull_request_review_comment", "created":
            return _commented(repository, value, now) or useless
        case "issue_comment", "created":
            return _commented(repository, value, now) or useless
        case "deployment_status", "created":
            return _deployed(repository, value, now) or useless
        case "release", "published":
            return _released(repository, value, now) or useless
        case "push", _:
            return _pushed(repository, value, now) or useless
        case _:
            return useless


# ---------------------------------------------------------------------------------------------------- pull requests
def _ended(repository: str, value: dict[str, Any], now: int) -> Delivery | None:
    pull = _mapping(value.get("pull_request"))
    incident_id = _incident(repository, pull)
    if incident_id is None:
        return None
    number = _number(pull.get("number"))
    if pull.get("merged") is True:
        commit = _text(pull.get("merge_commit_sha"))
        if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
            raise Malformed("a merged pull request has no merge_commit_sha.")
        at = _time(pull.get("merged_at"), now)
        return Merged(repository=repository, incident_id=incident_id, number=number, commit=commit, at=at)
    title = _text(pull.get("title"))
    said = Said(
        by=_login(value.get("sender")),
        text=f"closed without merging: {title}"[:_LONGEST],
        url=_text(pull.get("html_url"))[:500],
        at=_time(pull.get("closed_at"), now),
    )
    return Closed(repository=repository, incident_id=incident_id, number=number, said=said)


def _reviewed(repository: str, value: dict[str, Any], now: int) -> Commented | None:
    review = _mapping(value.get("review"))
    state, text = _text(review.get("state")), _text(review.get("body"))
    if state == "commented" and not text:
        return None  # its comments come by themselves
    return _words(
        repository, value, review, f"{state.replace('_', ' ')}: {text}".removesuffix(": "), "submitted_at", now
    )


def _commented(repository: str, value: dict[str, Any], now: int) -> Commented | None:
    comment = _mapping(value.get("comment"))
    path, text = _text(comment.get("path")), _text(comment.get("body"))
    return _words(repository, value, comment, f"{path}: {text}" if path else text, "created_at", now) if text else None


def _words(
    repository: str, value: dict[str, Any], words: dict[str, Any], text: str, time: str, now: int
) -> Commented | None:
    author = _mapping(words.get("user"))
    issue = _mapping(value.get("issue"))
    if issue.get("pull_request"):
        pull, found = issue, _LINK.search(_text(issue.get("body")))
        incident_id = found[1] if found else None
    else:
        pull = _mapping(value.get("pull_request"))
        incident_id = _incident(repository, pull)
    if incident_id is None or author.get("type") == "Bot":
        return None
    said = Said(
        by=_login(author), text=text[:_LONGEST], url=_text(words.get("html_url"))[:500], at=_time(words.get(time), now)
    )
    return Commented(repository=repository, incident_id=incident_id, number=_number(pull.get("number")), said=said)


def _incident(repository: str, pull: dict[str, Any]) -> str | None:
    """Return the incident that the branch names; None for another branch, and for one of a fork."""
    head = _mapping(pull.get("head"))
    found = BRANCH.match(_text(head.get("ref")))
    own = _text(_mapping(head.get("repo")).get("full_name")) == repository
    return found[1] if found and own else None


# ----------------------------------------------------------------------------------------------------------- deploys
def _deployed(repository: str, value: dict[str, Any], now: int) -> Shipped | None:
    status, deployment = _mapping(value.get("deployment_status")), _mapping(value.get("deployment"))
    if status.get("state") != "success":
        return None
    return Shipped(
        repository=repository,
        by="deployment",
        release=_release(_text(deployment.get("ref")), _text(deployment.get("sha"))),
        at=_time(status.get("created_at"), now),
        environment=_text(status.get("environment")) or _text(deployment.get("environment")),
        url=_link(status.get("environment_url")) or _link(status.get("target_url")),
    )


def _released(repository: str, value: dict[str, Any], now: int) -> Shipped | None:
    release = _mapping(value.get("release"))
    if release.get("draft") or release.get("prerelease"):
        return None
    return Shipped(
        repository=repository,
        by="release",
        release=_text(release.get("tag_name")),
        at=_time(release.get("published_at"), now),
        url=_link(release.get("html_url")),
    )


def _pushed(repository: str, value: dict[str, Any], now: int) -> Shipped | None:
    ref = _text(value.get("ref"))
    if value.get("deleted") or not ref.startswith("refs/heads/"):
        return None
    pushed_at = _mapping(value.get("repository")).get("pushed_at")
    seconds = pushed_at if isinstance(pushed_at, int) and not isinstance(pushed_at, bool) else None
    return Shipped(
        repository=repository,
        by="push",
        release=_text(value.get("after")),
        at=min(seconds * 1000, now) if seconds is not None and 0 < seconds < 1 << 40 else now,
        branch=ref.removeprefix("refs/heads/"),
        url=_link(value.get("compare")),
    )


def _release(ref: str, commit: str) -> str:
    """Return the tag when the ref looks like a version, else the commit: a branch is no name of a release."""
    found = _VERSION.match(ref)
    return found[1] if found else commit


def _time(value: Any, now: int) -> int:
    """Return the time that is said, never later than now: what comes after is decided by it."""
    return min(parse_timestamp(value, now), now)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _login(value: Any) -> str:
    return _text(_mapping(value).get("login"))[:100] or "somebody"


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise Malformed("a pull request has no number.")
    return value


def _link(value: Any) -> str | None:
    return value[:500] if isinstance(value, str) and value.startswith(("https://", "http://")) else None
