"""A double of GitHub: its REST interface over real git repositories, and the webhooks that it sends.

What it is asked and what it answers is held against GitHub's published description: `violations` must stay empty.
Nothing here was ever compared with api.github.com itself.
"""

import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from tests.github import hooks
from tests.github.bare import Bare, Missing
from tests.github.contract import Contract
from tests.github.routes import OPERATIONS, Call
from tests.github.shapes import Shapes, moment
from tests.github.state import EVERYTHING, Application, Fault, Hosted, Pull, Refused

TOKEN = "ghp_" + "d" * 36


class Double:
    """The server with its controls. `at` is its clock, in seconds since 1970 UTC."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.RLock()
        self._repositories: dict[str, Hosted] = {}
        self.tokens: dict[str, dict[str, str]] = {TOKEN: dict(EVERYTHING)}
        self.application: Application | None = None
        self.at = 1_795_360_907
        self.contract = Contract()
        self.requests: list[str] = []
        self.url = ""
        self._faults: list[Fault] = []
        self._told: list[tuple[str, str]] = []
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------------------------------------ its life
    def start(self) -> "Double":
        """Listen on a free port of loopback."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.shapes = Shapes(self.contract, self.url)
        config = uvicorn.Config(
            self.app(), log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        self._thread.start()
        while not server.started:
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Answer no more."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(5)

    # ------------------------------------------------------------------------------------------------ controls
    @property
    def violations(self) -> list[str]:
        """What did not keep to GitHub's description, in requests and answers."""
        return self.contract.violations

    def host(self, name: str, files: Mapping[str, str], *, drafts: bool = True, at: int = 1_790_000_000) -> Bare:
        """Host a new repository `owner/name` with one commit on `main`, made at the time `at`."""
        bare = Bare.create(self._folder / f"{name.replace('/', '+')}.git", files, at=at)
        self._repositories[name] = Hosted(name, bare, drafts=drafts)
        return bare

    def bare(self, name: str) -> Bare:
        """Return the git repository of a hosted one."""
        return self._repositories[name].bare

    def pulls(self, name: str) -> list[Pull]:
        """Return the pull requests of a repository, oldest first."""
        return self._repositories[name].pulls

    def pull(self, name: str, number: int) -> Pull:
        for pull in self._repositories[name].pulls:
            if pull.number == number:
                return pull
        raise Refused(404, "Not Found")

    def fail(self, status: int, message: str = "Server Error", **how: Any) -> None:
        """Let a request that comes answer otherwise, as `Fault` says."""
        self._faults.append(Fault(status, message, **how))

    def heal(self) -> None:
        """Let everything answer again."""
        self._faults.clear()

    def tell(self, url: str, secret: str) -> None:
        """Send webhooks of what happens from now on to `url`, signed with `secret`."""
        self._told.append((url, secret))

    def deliver(self, event: str, payload: dict[str, Any]) -> list[int]:
        """Send an event to everybody who wants to be told; return how each answered."""
        return [hooks.send(url, secret, event, payload).status_code for url, secret in self._told]

    def merge(self, name: str, number: int, *, squash: bool = False) -> str:
        """Merge a pull request and return the commit that is on the base then."""
        pull, bare = self.pull(name, number), self._repositories[name].bare
        pull.head_sha = bare.head(pull.head) or ""
        pull.merge_commit = bare.merge(pull.base, pull.head, f"{pull.title} (#{number})", self.at, squash=squash)
        pull.state, pull.draft, pull.merged_at, pull.closed_at = "closed", False, self.at, self.at
        self.deliver("pull_request", hooks.pull_request_closed(self.shown(name, number)))
        self.deliver("push", hooks.pushed(name, pull.base, pull.merge_commit, self.at))
        return pull.merge_commit

    def close(self, name: str, number: int, comment: str = "") -> None:
        """Close a pull request without merging it, with a comment before that, as GitHub's button does."""
        pull = self.pull(name, number)
        if comment:
            self.deliver("issue_comment", hooks.comment(self.shown(name, number), comment))
        pull.head_sha = self._repositories[name].bare.head(pull.head) or ""
        pull.state, pull.closed_at = "closed", self.at
        self.deliver("pull_request", hooks.pull_request_closed(self.shown(name, number)))

    def push(self, name: str, files: Mapping[str, str | None], message: str, branch: str = "main") -> str:
        """Commit to a branch and return the commit."""
        made = self._repositories[name].bare.commit(branch, files, message, self.at)
        self.deliver("push", hooks.pushed(name, branch, made, self.at))
        return made

    def publish(self, name: str, tag: str, branch: str = "main") -> None:
        """Publish a release of what is on a branch."""
        self._repositories[name].bare.git("tag", tag, branch)
        self.deliver("release", hooks.release_published(name, tag, moment(self.at) or ""))

    def deploy(self, name: str, environment: str, ref: str = "main", state: str = "success") -> None:
        """Say that a deployment of a branch or tag reached a state."""
        sha = self._repositories[name].bare.git("rev-parse", f"{ref}^{{commit}}").strip()
        at = moment(self.at) or ""
        self.deliver("deployment_status", hooks.deployment_status(name, state, ref, sha, environment, at))

    def shown(self, name: str, number: int) -> dict[str, Any]:
        """Return a pull request as the server shows it."""
        return self.shapes.pull(self._repositories[name], self.pull(name, number), whole=True)

    @staticmethod
    def real_now() -> int:
        """Return the time by which tokens run out: clients judge it by their own clock."""
        return int(time.time())

    # ------------------------------------------------------------------------------------------------ answering
    def app(self) -> FastAPI:
        """Return the application that answers."""
        app = FastAPI(openapi_url=None)
        for verb, path in OPERATIONS:
            spread = path
            for name in ("ref", "path", "basehead"):
                spread = spread.replace(f"{{{name}}}", f"{{{name}:path}}")
            app.add_api_route(spread, self._endpoint(verb, path), methods=[verb], response_model=None)
        return app

    def _endpoint(self, verb: str, path: str) -> Any:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            headers, query = dict(request.headers), dict(request.query_params)
            return await run_in_threadpool(self._answer, verb, path, dict(request.path_params), query, headers, raw)

        return endpoint

    def _answer(
        self, verb: str, path: str, found: dict[str, str], query: dict[str, str], headers: dict[str, str], raw: bytes
    ) -> Response:
        said = f"{verb.upper()} {path.format(**found)}"
        with self._lock:
            self.requests.append(said)
            fault = self._fault(said)
            if fault and not fault.after:
                return _failed(fault)
            status, body, more = 200, None, {}
            try:
                status, body, *rest = self._do(verb, path, found, query, headers, raw)
                more = rest[0] if rest else {}
            except Refused as refused:
                status, body, more = refused.status, refused.body(), refused.headers
            except Missing:
                status, body = 404, Refused(404, "Not Found").body()
            self.contract.hold_answer(verb, path, status, body)
            return _failed(fault) if fault else JSONResponse(body, status, more)

    def _do(
        self, verb: str, path: str, found: dict[str, str], query: dict[str, str], headers: dict[str, str], raw: bytes
    ) -> Any:
        permission, operation = OPERATIONS[verb, path]
        self._authenticate(headers.get("authorization", ""), permission)
        name = f"{found.get('owner')}/{found.get('repo')}"
        hosted = self._repositories.get(name)
        if hosted is None and "owner" in found:
            raise Refused(404, "Not Found")
        body = None
        if raw:
            with suppress(ValueError):
                body = json.loads(raw)
            if body is None:
                raise Refused(400, "Problems parsing JSON")
        if wrong := self.contract.wrong_request(verb, path, body) if raw else []:
            raise Refused(422, "Invalid request.\n\n" + "\n".join(wrong))
        return operation(Call(self, hosted, found, query, body))  # type: ignore[arg-type]  # an App's own has none

    def _authenticate(self, authorization: str, permission: str) -> None:
        token = authorization.partition(" ")[2]
        if permission == "app":
            if self.application is None:
                raise Refused(401, "A JSON web token could not be decoded")
            try:
                claims = jwt.decode(token, self.application.public_key, algorithms=["RS256"])
            except jwt.InvalidTokenError as exception:
                raise Refused(401, "A JSON web token could not be decoded") from exception
            if int(claims["iss"]) != self.application.id or claims["exp"] - claims["iat"] > 660:
                raise Refused(401, "'Issuer' claim ('iss') must be an Integer")
            return
        if token not in self.tokens:
            raise Refused(401, "Bad credentials")
        name, _, level = permission.partition(":")
        if level not in (self.tokens[token].get(name), "read") or name not in self.tokens[token]:
            raise Refused(403, "Resource not accessible by integration")

    def _fault(self, said: str) -> Fault | None:
        for fault in self._faults:
            if fault.matching in said and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None


def _failed(fault: Fault) -> Response:
    if fault.status == 0:
        return _Dropped()
    return JSONResponse({"message": fault.message}, fault.status, dict(fault.headers))


class _Dropped(Response):
    """Nothing at all: the connection ends in the middle of the answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})
