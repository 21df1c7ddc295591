"""The stage of `make demo-fix`: the embedded stack on a scaled clock, the double of GitHub, and the shop's servers."""

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from demo.sample_repository import NAME, SampleRepository
from premortem import bootstrap
from premortem.domain import timeline
from premortem.domain.ids import TenantId
from premortem.domain.timeline import IncidentFact, TimelineTicked
from premortem.embedded import stack
from premortem.exceptions import PremortemException
from premortem.ports import Project, Repository
from premortem.sentry import dsn
from premortem.settings import Settings
from tests.github.double import TOKEN, Double
from tests.github.state import Pull

HISTORY_MS = 2 * 3_600_000
_AGO_MS = 6 * 3_600_000
"""So long ago the story plays: a clock that runs fast must not come into the future."""
_STARTING_SECONDS = 6.0
_RATES = "2400x3,60x25,150"
"""Two hours of history in three seconds; a second a minute while the incident is worked on; then faster, for a verdict
takes half an hour of traffic.
"""
_TENANT = TenantId("default")


class Stage:
    """Everything that the story needs, running. Times are milliseconds since 1970 UTC on the scaled clock."""

    def __init__(self, settings: Settings, github: Double, code: SampleRepository, directory: Path, began: int) -> None:
        self.settings, self.github, self.code, self._directory, self.began = settings, github, code, directory, began
        self.clock = bootstrap.clock(settings)
        self.url = bootstrap.public_url(settings)
        self.token, self._secret = "pm_" + secrets.token_urlsafe(24), secrets.token_hex(16)
        self._server: subprocess.Popen[bytes] | None = None
        with bootstrap.administration(settings) as administration:
            self.project = administration.create_project(_TENANT, "shop", "Sample shop", secrets.token_hex(16))
            administration.create_token(_TENANT, "demo", hashlib.sha256(self.token.encode()).hexdigest())
            administration.create_integration(_TENANT, self.project.id, "github", self._secret)
            administration.add_repository(
                Repository(
                    tenant_id=_TENANT, project_id=self.project.id, name=NAME, clone_url=code.clone_url, branch="main"
                )
            )
        github.tell(f"{self.url}/webhooks/github", self._secret)

    # ------------------------------------------------------------------------------------------------- the shop
    def deploy(self, version: str, commit: str, at: int | None = None) -> str:
        """Put a commit in production from `at` on (now when left out), tell of it as sentry-cli does, and return the
        release's name.
        """
        release = f"shop@{version}+{commit[:12]}"
        start = self.clock.now() if at is None else at
        checkout = self.code.check_out(commit, self._directory / "servers" / version)
        self.stop_server()
        self._ask(
            "POST",
            f"/api/0/organizations/default/releases/{release}/deploys/",
            json={
                "environment": "production",
                "dateFinished": datetime.fromtimestamp(start / 1000, UTC).isoformat(),
                "projects": [self.project.slug],
            },
        )
        arguments = ["--dsn", self.dsn(self.project), "--clock", self.settings.clock, "--release", release]
        arguments += ["--checkout", str(checkout), "--start", str(start)]
        paths = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
        self._server = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "demo.serving", *arguments],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
        )
        if self._server.stdout is None or not self._server.stdout.readline():
            raise PremortemException(f"{release} does not serve. Is everything installed? make demo-fix installs it.")
        return release

    def stop_server(self) -> None:
        """Let the release that serves end, and send what it has left."""
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.communicate()
        self._server = None

    def dsn(self, project: Project) -> str:
        """Return where a project's SDK reports to."""
        return dsn.of(self.url, project.keys[0], project.id)

    def merge(self, number: int) -> str:
        """Merge a pull request at GitHub, as a person does, and return the commit."""
        self.github.at = self.clock.now() // 1000
        return self.github.merge(NAME, number)

    def pull(self, number: int) -> Pull:
        """Return a pull request as GitHub holds it."""
        return self.github.pull(NAME, number)

    # ------------------------------------------------------------------------------------------------ what is read
    def incidents(self, **where: Any) -> list[dict[str, Any]]:
        """Return the incidents as the API tells them, newest first."""
        found: list[dict[str, Any]] = self._ask("GET", "/incidents", params=where).json()["incidents"]
        return found

    def facts(self, incident: str) -> list[IncidentFact]:
        """Return an incident's timeline, as the API tells it."""
        rows = self._ask("GET", f"/incidents/{incident}/timeline", params={"limit": 1000}).json()["facts"]
        told = [msgspec.convert(row["fact"], timeline.TimelineEvent) for row in rows]
        return [fact for fact in told if not isinstance(fact, TimelineTicked)]

    def get(self, path: str) -> httpx.Response:
        """Return the API's answer, whatever it is."""
        return httpx.get(f"{self.url}{path}", headers={"authorization": f"Bearer {self.token}"}, timeout=10)

    def _ask(self, verb: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        answer = httpx.request(verb, f"{self.url}{path}", headers=headers, timeout=20, **more)
        answer.raise_for_status()
        return answer


@contextmanager
def staged(directory: Path, *, ineffective: bool, keep: bool = False) -> Iterator[Stage]:
    """Start everything anew in `directory`; stop it at the end, with `keep` all but the stack."""
    if shutil.which("git") is None:
        raise PremortemException("git is not installed, and the shop's code is in a git repository.")
    begun = time.time_ns()
    start = begun // 1_000_000 - _AGO_MS - HISTORY_MS
    clock = f"scaled:{start}:{begun + int(_STARTING_SECONDS * 1e9)}:{_RATES}"
    stack.stop(Settings(data_dir=directory))
    shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="premortem-demo-") as folder:
        github = Double(Path(folder)).start()
        settings = Settings(
            data_dir=directory,
            http_port=0,
            postgres_port=0,
            clickhouse_port=0,
            clock=clock,
            github_url=github.url,
            github_token=TOKEN,
        )
        code = SampleRepository(github, ineffective=ineffective, at=start + HISTORY_MS)
        stage = None
        try:
            stack.start(settings)
            stage = Stage(settings, github, code, Path(folder), start)
            stage.deploy("1.4.0", code.good, start)
            yield stage
        finally:
            if stage is not None:
                stage.stop_server()
            if not keep:
                stack.stop(settings)
            github.stop()
