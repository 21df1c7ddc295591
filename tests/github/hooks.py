"""Webhooks as GitHub sends them: its published examples, with what happened put in, and signed.

`python -m tests.github.hooks FILE` keeps one example of each event that is sent: FILE is `api.github.com/index.json` of
the npm package `@octokit/webhooks-examples` 7.6.1 (MIT, as its package.json says). Written is `webhooks.json` beside
this file.
"""

import hashlib
import hmac
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
KEPT = {
    "ping": None,
    "pull_request": "closed",
    "pull_request_review": "submitted",
    "pull_request_review_comment": "created",
    "issue_comment": "created",
    "deployment_status": "created",
    "release": "published",
    "push": None,
}


def example(event: str) -> dict[str, Any]:
    """Return the published example of an event, as a copy."""
    found: dict[str, Any] = json.loads((HERE / "webhooks.json").read_text())[event]
    return found


def signed(
    secret: str, event: str, payload: dict[str, Any], delivery: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a delivery."""
    body = json.dumps(payload).encode()
    return body, {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/abc1234",
        "x-github-delivery": delivery or str(uuid.uuid4()),
        "x-github-event": event,
        "x-github-hook-id": "1",
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def send(url: str, secret: str, event: str, payload: dict[str, Any]) -> httpx.Response:
    """Send a delivery and return the answer."""
    body, headers = signed(secret, event, payload)
    return httpx.post(url, content=body, headers=headers, timeout=10)


# --------------------------------------------------------------------------------------------------- what happened
def pull_request_closed(shown: dict[str, Any], by: str = "ann") -> dict[str, Any]:
    """Return that a pull request, as the double shows it, was merged or closed."""
    payload = example("pull_request")
    return payload | {
        "number": shown["number"],
        "pull_request": payload["pull_request"] | shown,
        "repository": payload["repository"] | shown["base"]["repo"],
        "sender": payload["sender"] | {"login": by},
    }


def review(shown: dict[str, Any], state: str, body: str | None, by: str = "ann") -> dict[str, Any]:
    """Return that somebody reviewed a pull request."""
    payload = example("pull_request_review")
    url = f"{shown['html_url']}#pullrequestreview-{uuid.uuid4().int % 10**9}"
    said = {"state": state, "body": body, "html_url": url, "user": payload["review"]["user"] | {"login": by}}
    return payload | {
        "review": payload["review"] | said,
        "pull_request": payload["pull_request"] | shown,
        "repository": payload["repository"] | shown["base"]["repo"],
    }


def review_comment(shown: dict[str, Any], path: str, body: str) -> dict[str, Any]:
    """Return that somebody commented on a line."""
    payload = example("pull_request_review_comment")
    url = f"{shown['html_url']}#discussion_r{uuid.uuid4().int % 10**9}"
    return payload | {
        "comment": payload["comment"] | {"path": path, "body": body, "html_url": url},
        "pull_request": payload["pull_request"] | shown,
        "repository": payload["repository"] | shown["base"]["repo"],
    }


def comment(shown: dict[str, Any], body: str, kind: str = "User") -> dict[str, Any]:
    """Return that somebody commented on the pull request as a whole, which GitHub calls an issue then."""
    payload = example("issue_comment")
    url = f"{shown['html_url']}#issuecomment-{uuid.uuid4().int % 10**9}"
    said = {"body": body, "html_url": url, "user": payload["comment"]["user"] | {"type": kind}}
    links = {name: shown[name] for name in ("url", "html_url", "diff_url", "patch_url")}
    known = {name: shown[name] for name in ("number", "title", "body", "html_url")} | {"pull_request": links}
    return payload | {
        "comment": payload["comment"] | said,
        "issue": payload["issue"] | known,
        "repository": payload["repository"] | shown["base"]["repo"],
    }


def deployment_status(
    repository: str, state: str, ref: str, sha: str, environment: str, at: str = "2026-11-22T15:00:00Z"
) -> dict[str, Any]:
    """Return that a deployment of `ref` reached a state."""
    payload = example("deployment_status")
    return payload | {
        "deployment_status": payload["deployment_status"]
        | {"state": state, "environment": environment, "created_at": at},
        "deployment": payload["deployment"] | {"ref": ref, "sha": sha, "environment": environment},
        "repository": payload["repository"] | {"full_name": repository},
    }


def release_published(repository: str, tag: str, at: str = "2026-11-22T15:00:00Z", **said: Any) -> dict[str, Any]:
    """Return that a release was published."""
    payload = example("release")
    return payload | {
        "release": payload["release"] | {"tag_name": tag, "published_at": at} | said,
        "repository": payload["repository"] | {"full_name": repository},
    }


def pushed(repository: str, branch: str, after: str, at: int, **said: Any) -> dict[str, Any]:
    """Return that commits were pushed to a branch; `at` in seconds since 1970 UTC."""
    payload = example("push")
    return (
        payload
        | {
            "ref": f"refs/heads/{branch}",
            "after": after,
            "deleted": False,
            "repository": payload["repository"] | {"full_name": repository, "pushed_at": at},
        }
        | said
    )


if __name__ == "__main__":
    published = {each["name"]: each["examples"] for each in json.loads(Path(sys.argv[1]).read_text())}
    kept = {
        name: next(each for each in published[name] if action in (None, each.get("action")))
        for name, action in KEPT.items()
    }
    (HERE / "webhooks.json").write_text(json.dumps(kept, separators=(",", ":"), sort_keys=True) + "\n")
