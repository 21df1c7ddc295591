"""Real git repositories for tests: commits with times of their own, made by git alone."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from premortem.domain.ids import ProjectId, TenantId
from premortem.ports import Repository
from tests.builders import NOW


class Origin:
    """A repository with a branch `main` at `path`, as somebody else keeps it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("config", "uploadpack.allowFilter", "true")

    def git(self, *words: str, at: int = NOW, given: bytes = b"") -> str:
        """Run git in it, with every time set to `at` (milliseconds)."""
        when = f"{at // 1000} +0000"
        names = {f"GIT_{who}_{what}": "dev" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words],
            cwd=self.path,
            input=given,
            capture_output=True,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.path),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_DATE": when,
                "GIT_COMMITTER_DATE": when,
                **names,
            },
        )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, subject: str, files: Mapping[str, str | bytes | None] | None = None, *, at: int = NOW) -> str:
        """Commit files (None = removed) and return the commit."""
        for path, content in (files or {}).items():
            file = self.path / path
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject, at=at)
        return self.git("rev-parse", "HEAD")

    def repository(self, name: str = "acme/shop", *, prefix: str = "") -> Repository:
        """Return it as an administrator maps it."""
        return Repository(
            tenant_id=TenantId("acme"),
            project_id=ProjectId(1),
            name=name,
            clone_url=f"file://{self.path}",
            path_prefix=prefix,
        )
