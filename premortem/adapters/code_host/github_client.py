"""The client of GitHub: who we are, every deadline set, no hidden pauses or repetitions, errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import jwt
from github import Auth, Github, GithubException, GithubIntegration
from github.GithubException import BadAttributeException
from github.Repository import Repository
from requests.exceptions import RequestException

from premortem.exceptions import Malformed, PremortemException, Unavailable

PERMISSIONS = {"contents": "write", "pull_requests": "write", "metadata": "read"}
"""All that is ever asked for; `workflows` is not among them, so GitHub itself refuses changes of those."""
_SECONDS = 10


class GithubClient:
    """Repositories of one server, by a token or as a GitHub App wherever it is installed. Thread-safe."""

    def __init__(self, url: str, *, token: str = "", app_id: int = 0, app_key: str = "") -> None:
        """`app_key` = the App's private key, as PEM. Raises Malformed when there is neither token nor App, or for a key
        that is none.
        """
        self._lock = Lock()
        self._how: dict[str, Any] = {
            "base_url": url.rstrip("/"),
            "timeout": _SECONDS,
            "retry": None,
            "seconds_between_requests": 0,
            "seconds_between_writes": 0,
            "per_page": 100,
            "user_agent": "premortem",
            "lazy": True,
        }
        self._installed: dict[str, Github] = {}
        self._by_token = Github(auth=Auth.Token(token), **self._how) if token else None
        self._app = None if token else _app(app_id, app_key)

    def clone_token(self, name: str) -> str:
        """Return what `owner/name` is cloned with, for a while: the token, or one of the App's installation there."""
        with self._translated(name):
            auth = self._of(name).requester.auth
            return auth.token if auth else ""

    @contextmanager
    def repository(self, name: str) -> Iterator[Repository]:
        """Lend `owner/name`; what the library raises inside the block becomes an exception of ours."""
        with self._translated(name):
            yield self._of(name).get_repo(name)

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except GithubException as exception:
            with self._lock:
                self._installed.pop(name, None)  # its installation may be another one by now
            raise meaning(exception, name) from exception
        except RequestException as exception:
            raise Unavailable(f"GitHub does not answer for {name}: {type(exception).__name__}.") from exception
        except (AssertionError, RuntimeError) as exception:
            raise Malformed(
                f"GitHub's answers for {name} lead elsewhere: {exception}. Is PREMORTEM_GITHUB_URL right?"
            ) from exception
        except (ValueError, BadAttributeException) as exception:
            raise Unavailable(f"GitHub's answer for {name} cannot be read: {type(exception).__name__}.") from exception

    def close(self) -> None:
        """Let go of the connections."""
        for client in (self._by_token, *self._installed.values()):
            if client:
                client.close()

    def _of(self, name: str) -> Github:
        if self._by_token:
            return self._by_token
        assert self._app is not None
        with self._lock:
            if (known := self._installed.get(name)) is not None:
                return known
        owner, _, repository = name.partition("/")
        with GithubIntegration(auth=self._app, **self._how) as integration:
            installation = integration.get_repo_installation(owner, repository).id
        auth = self._app.get_installation_auth(installation, PERMISSIONS)
        client = Github(auth=auth, **self._how)
        with self._lock:
            return self._installed.setdefault(name, client)


def meaning(exception: GithubException, name: str) -> PremortemException:
    """Return what GitHub's refusal means to a caller."""
    status, said = exception.status, _said(exception)
    headers = {key.lower(): value for key, value in (exception.headers or {}).items()}
    limited = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers or "rate limit" in said.lower()
    if status == 429 or (status == 403 and limited):
        return Unavailable(f"GitHub asks to wait{_wait(headers)}, for {name}.")
    if status >= 500 or status in (0, 408, 409):
        return Unavailable(f"GitHub, {name}: {status} {said}")
    if status == 401:
        return Malformed(f"GitHub does not know us ({said}). Mend PREMORTEM_GITHUB_TOKEN or the App's id and key.")
    if status == 403:
        return Malformed(f"GitHub forbids it in {name}: {said}. Give contents and pull requests write access.")
    if status == 404:
        return Malformed(f"GitHub shows nothing of that in {name}. Is the name right, and the App installed there?")
    return Malformed(f"GitHub refuses it in {name} ({status}): {said}.")


def _said(exception: GithubException) -> str:
    """Return GitHub's reason in one line, with what it says of each field."""
    found = exception.data if isinstance(exception.data, dict) else {}
    errors = found.get("errors")
    details = errors if isinstance(errors, list) else []
    texts = [
        each.get("message") or f"{each.get('field')} {each.get('code')}" for each in details if isinstance(each, dict)
    ]
    return " ".join(" ".join(map(str, [found.get("message", ""), *texts])).split())[:300]


def _wait(headers: dict[str, Any]) -> str:
    seconds = str(headers.get("retry-after", ""))
    return f" {seconds} s" if seconds.isdigit() else ""


def _app(app_id: int, app_key: str) -> Auth.AppAuth:
    if not app_id or not app_key:
        raise Malformed("no account at GitHub is configured. Set PREMORTEM_GITHUB_TOKEN, or the App's id and key.")
    app = Auth.AppAuth(app_id, app_key)
    try:
        app.create_jwt()
    except (jwt.PyJWTError, ValueError, TypeError) as exception:
        raise Malformed("PREMORTEM_GITHUB_APP_KEY names no RSA private key (PEM) that can be read.") from exception
    return app
