"""What the double does for each operation that it knows: a table, and a function each."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.github.bare import Missing
from tests.github.shapes import moment
from tests.github.slim_openapi import REPOSITORY
from tests.github.state import Hosted, Pull, Refused

if TYPE_CHECKING:
    from tests.github.double import Double

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass(frozen=True)
class Call:
    """A request that may be done: what its path, its query and its body say. An App's own calls have no repository."""

    double: "Double"
    hosted: Hosted
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any


Operation = Callable[[Call], Answer]


def _repository(call: Call) -> Answer:
    return 200, call.double.shapes.repository(call.hosted, "full-repository")


def _get_ref(call: Call) -> Answer:
    sha = call.hosted.bare.head(call.path["ref"].removeprefix("heads/"))
    if sha is None or not call.path["ref"].startswith("heads/"):
        raise Refused(404, "Not Found")
    return 200, call.double.shapes.ref(call.hosted, f"refs/{call.path['ref']}", sha)


def _post_ref(call: Call) -> Answer:
    if not call.body["ref"].startswith("refs/heads/") or call.body["ref"].count("/") < 2:
        raise Refused(422, "Reference name must start with 'refs/' and have at least two slashes.")
    if call.hosted.bare.head(call.body["ref"].removeprefix("refs/heads/")):
        raise Refused(422, "Reference already exists")
    try:
        call.hosted.bare.tree_of(call.body["sha"])
        call.hosted.bare.git("update-ref", call.body["ref"], call.body["sha"], "")
    except Missing as missing:
        raise Refused(422, "Object does not exist") from missing
    return 201, call.double.shapes.ref(call.hosted, call.body["ref"], call.body["sha"])


def _get_commit(call: Call) -> Answer:
    return 200, call.double.shapes.commit(call.hosted, call.path["commit_sha"])


def _post_commit(call: Call) -> Answer:
    try:
        parents = call.body.get("parents", [])
        sha = call.hosted.bare.write_commit(call.body["tree"], parents, call.body["message"], call.double.at)
    except Missing as missing:
        raise Refused(422, "Tree SHA does not exist") from missing
    return 201, call.double.shapes.commit(call.hosted, sha)


def _get_tree(call: Call) -> Answer:
    return 200, call.double.shapes.tree(call.hosted, call.path["tree_sha"], recursive="recursive" in call.query)


def _post_tree(call: Call) -> Answer:
    try:
        sha = call.hosted.bare.write_tree(call.body["tree"], call.body.get("base_tree"))
    except Missing as missing:
        raise Refused(422, "GitRPC::BadObjectState") from missing
    return 201, call.double.shapes.tree(call.hosted, sha)


def _post_blob(call: Call) -> Answer:
    content = call.body["content"]
    if call.body.get("encoding") == "base64":
        content = base64.b64decode(content).decode()
    sha = call.hosted.bare.write_blob(content)
    return 201, {"url": f"{call.double.url}/repos/{call.hosted.name}/git/blobs/{sha}", "sha": sha}


def _get_blob(call: Call) -> Answer:
    text = call.hosted.bare.git("cat-file", "blob", call.path["file_sha"]).encode()
    known = {"sha": call.path["file_sha"], "size": len(text), "encoding": "base64"}
    return 200, call.double.contract.example("blob", call.double.url, content=base64.b64encode(text).decode(), **known)


def _get_contents(call: Call) -> Answer:
    text = call.hosted.bare.text(call.query.get("ref", "main"), call.path["path"]).encode()
    name = call.path["path"].split("/")[-1]
    known: dict[str, Any] = {"path": call.path["path"], "name": name, "size": len(text), "encoding": "base64"}
    known["content"] = base64.b64encode(text).decode()
    return 200, call.double.contract.example("content-file", call.double.url, **known)


def _compare(call: Call) -> Answer:
    base, _, head = call.path["basehead"].partition("...")
    return 200, call.double.shapes.comparison(call.hosted, base, head)


def _get_pulls(call: Call) -> Answer:
    wanted, head, base = call.query.get("state", "open"), call.query.get("head"), call.query.get("base")
    found = [
        pull
        for pull in reversed(call.hosted.pulls)
        if wanted in (pull.state, "all")
        and head in (None, f"{pull.head_repository.split('/')[0]}:{pull.head}")
        and base in (None, pull.base)
    ]
    size, page = int(call.query.get("per_page", "30")), int(call.query.get("page", "1"))
    shown = call.double.shapes.pulls(call.hosted, found[(page - 1) * size : page * size])
    if len(found) <= page * size:
        return 200, shown
    others = "&".join(f"{name}={value}" for name, value in call.query.items() if name != "page")
    link = f'<{call.double.url}/repos/{call.hosted.name}/pulls?{others}&page={page + 1}>; rel="next"'
    return 200, shown, {"link": link}


def _post_pull(call: Call) -> Answer:
    head, base = call.body["head"].split(":")[-1], call.body["base"]
    invalid = {"resource": "PullRequest", "code": "invalid"}
    for field, branch in (("head", head), ("base", base)):
        if call.hosted.bare.head(branch) is None:
            raise Refused(422, "Validation Failed", invalid | {"field": field})
    said = {"resource": "PullRequest", "code": "custom"}
    if any((pull.head, pull.base, pull.state) == (head, base, "open") for pull in call.hosted.pulls):
        owner = call.hosted.name.split("/")[0]
        raise Refused(
            422, "Validation Failed", said | {"message": f"A pull request already exists for {owner}:{head}."}
        )
    if call.hosted.bare.ahead(base, head)[0] == 0:
        raise Refused(422, "Validation Failed", said | {"message": f"No commits between {base} and {head}"})
    if call.body.get("draft") and not call.hosted.drafts:
        raise Refused(422, "Draft pull requests are not supported in this repository.")
    number = 1 + max((pull.number for pull in call.hosted.pulls), default=0)
    said_of_it = (call.body["title"], call.body.get("body"), head, base, call.body.get("draft", False))
    pull = Pull(number, *said_of_it, call.double.at, call.hosted.name)
    call.hosted.pulls.append(pull)
    return 201, call.double.shapes.pull(call.hosted, pull, whole=True)


def _get_pull(call: Call) -> Answer:
    pull = call.double.pull(call.hosted.name, int(call.path["pull_number"]))
    return 200, call.double.shapes.pull(call.hosted, pull, whole=True)


def _get_labels(call: Call) -> Answer:
    return 200, call.double.shapes.labels(call.double.pull(call.hosted.name, int(call.path["issue_number"])))


def _post_labels(call: Call) -> Answer:
    pull = call.double.pull(call.hosted.name, int(call.path["issue_number"]))
    names = call.body if isinstance(call.body, list) else call.body["labels"]
    pull.labels += [name for name in names if name not in pull.labels]
    return 200, call.double.shapes.labels(pull)


def _installation(call: Call) -> Answer:
    app = call.double.application
    if app is None or call.hosted.name not in app.repositories:
        raise Refused(404, "Not Found")
    known = {"id": app.installation, "app_id": app.id, "permissions": dict(app.permissions)}
    return 200, call.double.contract.example("installation", call.double.url, **known)


def _access_token(call: Call) -> Answer:
    app = call.double.application
    if app is None or int(call.path["installation_id"]) != app.installation:
        raise Refused(404, "Not Found")
    wanted = (call.body or {}).get("permissions", dict(app.permissions))
    if any(name not in app.permissions for name in wanted):
        raise Refused(422, "The permissions requested are not granted to this installation.")
    token = f"ghs_{len(call.double.tokens)}"
    call.double.tokens[token] = dict(wanted)
    expires = moment(call.double.real_now() + 3600)
    return 201, call.double.contract.example("installation-token", call.double.url, token=token, expires_at=expires)


OPERATIONS: dict[tuple[str, str], tuple[str, Operation]] = {
    # (verb, path): (the permission that it takes, what it does); "app" = the App itself, by its signed token
    ("get", REPOSITORY): ("metadata:read", _repository),
    ("get", f"{REPOSITORY}/installation"): ("app", _installation),
    ("get", f"{REPOSITORY}/git/ref/{{ref}}"): ("contents:read", _get_ref),
    ("post", f"{REPOSITORY}/git/refs"): ("contents:write", _post_ref),
    ("post", f"{REPOSITORY}/git/commits"): ("contents:write", _post_commit),
    ("get", f"{REPOSITORY}/git/commits/{{commit_sha}}"): ("contents:read", _get_commit),
    ("post", f"{REPOSITORY}/git/trees"): ("contents:write", _post_tree),
    ("get", f"{REPOSITORY}/git/trees/{{tree_sha}}"): ("contents:read", _get_tree),
    ("post", f"{REPOSITORY}/git/blobs"): ("contents:write", _post_blob),
    ("get", f"{REPOSITORY}/git/blobs/{{file_sha}}"): ("contents:read", _get_blob),
    ("get", f"{REPOSITORY}/contents/{{path}}"): ("contents:read", _get_contents),
    ("get", f"{REPOSITORY}/compare/{{basehead}}"): ("contents:read", _compare),
    ("get", f"{REPOSITORY}/pulls"): ("pull_requests:read", _get_pulls),
    ("post", f"{REPOSITORY}/pulls"): ("pull_requests:write", _post_pull),
    ("get", f"{REPOSITORY}/pulls/{{pull_number}}"): ("pull_requests:read", _get_pull),
    ("get", f"{REPOSITORY}/issues/{{issue_number}}/labels"): ("pull_requests:read", _get_labels),
    ("post", f"{REPOSITORY}/issues/{{issue_number}}/labels"): ("pull_requests:write", _post_labels),
    ("post", "/app/installations/{installation_id}/access_tokens"): ("app", _access_token),
}
