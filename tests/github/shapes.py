"""Objects as GitHub answers them: the smallest that its description allows, with what is known put in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.github.contract import Contract
from tests.github.state import Hosted, Pull


def moment(seconds: int | None) -> str | None:
    """Return the time as GitHub writes it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Shapes:
    """Makes the objects of one server; all their addresses begin with its own."""

    def __init__(self, contract: Contract, url: str) -> None:
        self._contract, self._url = contract, url

    def user(self, login: str) -> dict[str, Any]:
        page = f"{self._url}/{login}"
        made = self._contract.example("simple-user", self._url, login=login, id=1, url=page, html_url=page, type="User")
        return dict(made)

    def repository(self, hosted: Hosted, schema: str = "repository") -> dict[str, Any]:
        owner, name = hosted.name.split("/")
        api = f"{self._url}/repos/{hosted.name}"
        known = {
            "id": 1,
            "name": name,
            "full_name": hosted.name,
            "owner": self.user(owner),
            "url": api,
            "html_url": f"{self._url}/{hosted.name}",
            "default_branch": "main",
        }
        return dict(self._contract.example(schema, self._url, **known))

    def ref(self, hosted: Hosted, ref: str, sha: str) -> dict[str, Any]:
        api = f"{self._url}/repos/{hosted.name}/git"
        points = {"type": "commit", "sha": sha, "url": f"{api}/commits/{sha}"}
        return dict(self._contract.example("git-ref", self._url, ref=ref, url=f"{api}/{ref}", object=points))

    def commit(self, hosted: Hosted, sha: str) -> dict[str, Any]:
        api = f"{self._url}/repos/{hosted.name}/git"
        raw = hosted.bare.git("cat-file", "commit", sha)
        head, _, message = raw.partition("\n\n")
        lines = [line.split(" ", 1) for line in head.splitlines()]
        tree = next(value for name, value in lines if name == "tree")
        parents = [
            {"sha": value, "url": f"{api}/commits/{value}", "html_url": f"{self._url}/{hosted.name}/commit/{value}"}
            for name, value in lines
            if name == "parent"
        ]
        return dict(
            self._contract.example(
                "git-commit",
                self._url,
                sha=sha,
                url=f"{api}/commits/{sha}",
                message=message,
                tree={"sha": tree, "url": f"{api}/trees/{tree}"},
                parents=parents,
            )
        )

    def tree(self, hosted: Hosted, sha: str, *, recursive: bool = False) -> dict[str, Any]:
        api = f"{self._url}/repos/{hosted.name}/git"
        entries = [
            {"path": path, "mode": mode, "type": kind, "sha": entry, "url": f"{api}/{kind}s/{entry}"}
            for mode, kind, entry, path in hosted.bare.entries(sha, recursive=recursive)
        ]
        return {"sha": sha, "url": f"{api}/trees/{sha}", "tree": entries, "truncated": False}

    def labels(self, pull: Pull, schema: str = "label") -> list[dict[str, Any]]:
        return [
            dict(self._contract.example(schema, self._url, name=name, id=index + 1, color="ededed", description=""))
            for index, name in enumerate(pull.labels)
        ]

    def pulls(self, hosted: Hosted, pulls: Sequence[Pull]) -> list[dict[str, Any]]:
        """Return a list of pull requests."""
        heads = hosted.bare.heads()
        return [self.pull(hosted, pull, heads, whole=False) for pull in pulls]

    def pull(
        self, hosted: Hosted, pull: Pull, heads: Mapping[str, str] | None = None, *, whole: bool
    ) -> dict[str, Any]:
        """Return a pull request; `whole` = as one alone is answered, with what a list leaves out."""
        heads = hosted.bare.heads() if heads is None else heads
        api, page = f"{self._url}/repos/{hosted.name}", f"{self._url}/{hosted.name}/pull/{pull.number}"
        head = pull.head_sha or heads.get(pull.head, "")
        known: dict[str, Any] = {
            "id": 1000 + pull.number,
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "state": pull.state,
            "draft": pull.draft,
            "url": f"{api}/pulls/{pull.number}",
            "issue_url": f"{api}/issues/{pull.number}",
            "html_url": page,
            "user": self.user("octo"),
            "labels": self.labels(pull),
            "created_at": moment(pull.created_at),
            "updated_at": moment(pull.merged_at or pull.closed_at or pull.created_at),
            "closed_at": moment(pull.closed_at),
            "merged_at": moment(pull.merged_at),
            "merge_commit_sha": pull.merge_commit,
            "head": self._side(hosted, pull.head, head, pull.head_repository),
            "base": self._side(hosted, pull.base, heads.get(pull.base, ""), hosted.name),
        }
        if whole:
            known |= {"merged": pull.merged_at is not None, "merged_by": None}
        return dict(self._contract.example("pull-request" if whole else "pull-request-simple", self._url, **known))

    def _side(self, hosted: Hosted, branch: str, sha: str, repository: str) -> dict[str, Any]:
        owner = repository.split("/")[0]
        of = self.repository(Hosted(repository, hosted.bare))
        return {"label": f"{owner}:{branch}", "ref": branch, "sha": sha, "repo": of, "user": self.user(owner)}

    def comparison(self, hosted: Hosted, base: str, head: str) -> dict[str, Any]:
        ahead, behind = hosted.bare.ahead(base, head)
        status = {
            (True, True): "diverged",
            (True, False): "ahead",
            (False, True): "behind",
            (False, False): "identical",
        }
        known = {
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "status": status[ahead > 0, behind > 0],
        }
        return dict(self._contract.example("commit-comparison", self._url, **known))
