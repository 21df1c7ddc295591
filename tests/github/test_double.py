"""The double refuses what GitHub refuses, notes what keeps not to its description, and tells what happens, signed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.github_deliveries import Closed, Commented, Merged, Shipped, parse, verify
from tests.builders import NOW
from tests.github.bare import Bare
from tests.github.double import TOKEN, Double
from tests.github.state import Pull

NAME = "acme/shop"
BRANCH = f"premortem/{'a' * 8}-{'b' * 4}-{'c' * 4}-{'d' * 4}-{'e' * 12}/fix-1"


@pytest.fixture
def bare(github: Double) -> Bare:
    bare = github.host(NAME, {"a.py": "x = 1\n"})
    bare.git("branch", BRANCH, "main")
    return bare


def ask(github: Double, verb: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"token {TOKEN}"}
    return httpx.request(verb, f"{github.url}/repos/{NAME}/{path}", json=body, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": "a" * 40}, 422, "already exists"),
        ("git/refs", {"ref": "refs/heads/new", "sha": "a" * 40}, 422, "does not exist"),
        ("pulls", {"title": "t", "head": BRANCH, "base": "main"}, 422, "No commits between"),
        ("pulls", {"title": "t", "head": "nowhere", "base": "main"}, 422, "invalid"),
        ("git/trees", {"tree": [{"path": "gone", "mode": "100644", "type": "blob", "sha": None}]}, 422, "BadObject"),
        ("git/commits", {"message": "m", "tree": "f" * 40}, 422, "Tree"),
    ],
)
def test_what_github_refuses_is_refused_in_its_shape(
    github: Double, bare: Bare, path: str, body: dict[str, Any], status: int, said: str
) -> None:
    answer = ask(github, "POST", path, body)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_what_is_not_there_or_not_known_is_said(github: Double, bare: Bare) -> None:
    for path in ("git/ref/heads/nowhere", f"git/commits/{'a' * 40}", "pulls/9", "contents/gone.py"):
        assert ask(github, "GET", path).status_code == 404
    assert httpx.get(f"{github.url}/repos/{NAME}", headers={"authorization": "token no"}).status_code == 401
    assert ask(github, "GET", "contents/a.py").json()["size"] == 6


def test_what_keeps_not_to_the_description_is_refused_and_noted(github: Double, bare: Bare) -> None:
    wrong = {"tree": [{"path": "a.py", "mode": "666", "type": "blob", "content": "x"}]}
    assert ask(github, "POST", "git/trees", wrong).status_code == 422
    assert any("666" in each for each in github.violations)
    github.violations.clear()
    github.contract.hold_answer("get", "/repos/{owner}/{repo}/git/ref/{ref}", 200, {"ref": "x"})
    assert github.violations
    github.violations.clear()


@pytest.fixture
def told() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An address that remembers what is sent to it."""
    heard: list[tuple[dict[str, str], bytes]] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks/github", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_happens_is_told_signed_and_understood(
    github: Double, bare: Bare, told: tuple[str, list[tuple[dict[str, str], bytes]]], tmp_path: Path
) -> None:
    url, heard = told
    github.tell(url, "s3cret")
    bare.commit(BRANCH, {"a.py": "x = 2\n"}, "Fix", NOW // 1000)
    about = f"/incidents/{BRANCH.split('/')[1]}"
    github.pulls(NAME).extend(Pull(number, "Fix", about, BRANCH, "main", True, github.at, NAME) for number in (1, 2))
    github.close(NAME, 1, comment="It is the cache.")
    commit = github.merge(NAME, 2)
    github.push(NAME, {"b.py": "y = 1\n"}, "More")
    github.publish(NAME, "v1.0")
    github.deploy(NAME, "production", "v1.0")
    assert all(verify(body, headers["x-hub-signature-256"], "s3cret") for headers, body in heard)
    said = [parse(headers["x-github-event"], json.loads(body), NOW * 2) for headers, body in heard]
    kinds = [Commented, Closed, Merged, Shipped, Shipped, Shipped, Shipped]
    assert [type(each) for each in said] == kinds
    assert said[2].commit == commit  # type: ignore[union-attr]
    assert [each.by for each in said[3:]] == ["push", "push", "release", "deployment"]  # type: ignore[union-attr]
    assert bare.ahead("main", BRANCH) == (0, 2)
