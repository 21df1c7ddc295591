"""Cuts from GitHub's published OpenAPI description what the double answers: `python -m tests.github.slim_openapi FILE`.

FILE is `generated/api.github.com.json` of the npm package `@octokit/openapi` (MIT; its licence is `openapi.LICENSE`).
Written is `openapi.json` beside this file: whole schemas, without examples and prose.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = "/repos/{owner}/{repo}"
KEPT = {
    REPOSITORY: ("get",),
    f"{REPOSITORY}/installation": ("get",),
    f"{REPOSITORY}/git/ref/{{ref}}": ("get",),
    f"{REPOSITORY}/git/refs": ("post",),
    f"{REPOSITORY}/git/commits": ("post",),
    f"{REPOSITORY}/git/commits/{{commit_sha}}": ("get",),
    f"{REPOSITORY}/git/trees": ("post",),
    f"{REPOSITORY}/git/trees/{{tree_sha}}": ("get",),
    f"{REPOSITORY}/git/blobs": ("post",),
    f"{REPOSITORY}/git/blobs/{{file_sha}}": ("get",),
    f"{REPOSITORY}/contents/{{path}}": ("get",),
    f"{REPOSITORY}/compare/{{basehead}}": ("get",),
    f"{REPOSITORY}/labels": ("get",),
    f"{REPOSITORY}/issues/{{issue_number}}/labels": ("get", "post"),
    f"{REPOSITORY}/pulls": ("get", "post"),
    f"{REPOSITORY}/pulls/{{pull_number}}": ("get", "patch"),
    "/app/installations/{installation_id}/access_tokens": ("post",),
}
_PROSE = ("description", "summary", "example", "examples", "externalDocs", "tags", "deprecated", "title")


def slim(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the kept operations with every component that they lead to."""
    kept: dict[str, Any] = {
        "openapi": whole["openapi"],
        "info": {name: whole["info"][name] for name in ("title", "version", "license")},
        "paths": {path: {verb: _bare(whole["paths"][path][verb]) for verb in verbs} for path, verbs in KEPT.items()},
        "components": {},
    }
    _as_its_prose_says(kept["paths"][f"{REPOSITORY}/issues/{{issue_number}}/labels"]["post"])
    waiting = _references(kept["paths"])
    while waiting:
        _, _, group, name = waiting.pop().split("/")
        group_kept = kept["components"].setdefault(group, {})
        if name not in group_kept:
            group_kept[name] = _bare(whole["components"][group][name])
            waiting |= _references(group_kept[name])
    kept["components"] = {group: dict(sorted(names.items())) for group, names in sorted(kept["components"].items())}
    return kept


def _as_its_prose_says(add_labels: dict[str, Any]) -> None:
    """Let labels be a bare array: "You can also pass an `array` of labels directly", says the prose, not the schema."""
    schema = add_labels["requestBody"]["content"]["application/json"]["schema"]
    schema["oneOf"].append({"type": "array", "minItems": 1, "items": {"type": "string"}})


def _bare(value: Any, *, names: bool = False) -> Any:
    """Return the value without prose. `names` = its keys are names of properties, which may be called `title`."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _bare(each, names=key == "properties" and not names)
        for key, each in value.items()
        if names or not (key in _PROSE or key.startswith("x-"))
    }


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_references, value))
    if not isinstance(value, dict):
        return set()
    found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return found.union(*map(_references, value.values()))


if __name__ == "__main__":
    written = slim(json.loads(Path(sys.argv[1]).read_text()))
    (HERE / "openapi.json").write_text(json.dumps(written, separators=(",", ":"), sort_keys=True) + "\n")
