"""A case played: its repository, the events that the real SDK sends of it, the traffic around, and the incident."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from api.acceptance import Source, take_event_object
from benchmarks.agents.case import Case, Change, change
from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.similar_incidents.memory import MemorySimilarIncidents
from premortem.adapters.source_code.git import GitSourceCode
from premortem.adapters.streams.archived import archived_row
from premortem.domain import payload, project_stream
from premortem.domain.archive import ArchivedDeploy, ArchivedSessions
from premortem.domain.detection.detector import detect_all
from premortem.domain.ids import ProjectId, TenantId, derive
from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.timeline import IncidentDetected
from premortem.ports import ProjectKey
from tests.repositories import Origin

TENANT, PROJECT = TenantId("acme"), ProjectId(1)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RELEASED = 1_795_360_920_000
"""When the bad release was deployed, in milliseconds since 1970 UTC."""
_RUNNER = Path(__file__).with_name("raising.py")
_EVENTS, _EVERY = 40, 20_000


_OTHER = '''"""Something else."""


def price(total, count):
    return total / max(count, 1)
'''
_ELSEWHERE = change("prices are whole", "shop/other.py", "total / max(count, 1)", "total // max(count, 1)")
_ELSEWHERE_AGAIN = change("prices are never negative", "shop/other.py", "total // max", "max(total, 0) // max")


class Stage:
    """A case with everything that is known of it."""

    def __init__(self, case: Case, directory: Path) -> None:
        self.case, self._directory = case, directory
        self.origin = Origin(directory / "origin")
        opt_in = 'version = 1\n[tests]\ncommand = ["python3", "-c", "pass"]\n'
        files = case.files | {".premortem.toml": opt_in, "shop/other.py": _OTHER}
        self.good = self.origin.commit("begin", files, at=RELEASED - 20 * DAY)
        changes = [*case.earlier, _ELSEWHERE, case.bad, *_beside(case), _ELSEWHERE_AGAIN, *case.later]
        times = [RELEASED - (len(changes) - n) * 20 * MINUTE for n in range(len(changes))]
        made = [self._commit(change, at) for change, at in zip(changes, times, strict=True)]
        self.culprit, self.head = made[len(case.earlier) + 1], made[-1]
        self.source = GitSourceCode(directory / "code")
        self.administration = MemoryAdministration()
        self.administration.create_project(TENANT, "shop", "Shop", "ab" * 16)
        if "repository" not in case.withheld:
            self.administration.add_repository(self.origin.repository())
        self.archive, self.similar, self.incidents = (
            MemoryEvidenceStore(),
            MemorySimilarIncidents(),
            MemoryIncidentStore(),
        )
        self._records: list[ProjectRecord] = []

    def play(self) -> IncidentDetected:
        """Let the traffic through detector and archive, and return the incident of the case's error."""
        named = "releases" not in self.case.withheld
        old = f"shop@1.0.0+{self.good[:10]}" if named else ""
        new = f"shop@1.1.0+{self.head[:10]}" if named else ""
        self._louder(old, new)
        event = self.raised(new)
        assert event is not None, f"{self.case.name}: the call does not fail"
        first = RELEASED + 3 * MINUTE
        own = [self._send(event, first + n * _EVERY, new) for n in range(_EVENTS)]
        for release, at in ((old, RELEASED - 20 * DAY), (new, RELEASED)):
            if release:
                self._deployed(release, "production", at)
        self._deployed("billing@7", "staging", RELEASED + MINUTE)
        self._sessions(old, new)
        ordered = sorted(self._records, key=lambda record: record.received_at)
        found = [
            fact
            for fact in detect_all(enumerate(ordered))
            if isinstance(fact, IncidentDetected) and fact.fingerprint in own[0].hashes
        ]
        assert found, f"{self.case.name}: nothing was detected"
        return found[0]

    def raised(self, release: str, tree: Path | None = None) -> dict[str, Any] | None:
        """Return the event that the call sends in the bad release's checkout (or `tree`); None: it does not fail."""
        root = tree or self._tree()
        words = [sys.executable, str(_RUNNER), str(root), self.case.call, release, str(int(self._tells_variables()))]
        done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60, env=self.environment())
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] | None = json.loads(done.stdout.strip().rpartition("\n")[2])
        if found and "frames" in self.case.withheld:
            for value in found["exception"]["values"]:
                value.pop("stacktrace", None)
        return found

    def environment(self) -> dict[str, str]:
        """Return what the bad release runs with."""
        modules = self._directory / "modules"
        modules.mkdir(exist_ok=True)
        for name, text in self.case.modules[1].items():
            (modules / name).write_text(text)
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(modules), **self.case.environment[1]}

    def _tells_variables(self) -> bool:
        return "variables" not in self.case.withheld

    def _tree(self) -> Path:
        tree = self._directory / "bad"
        if not tree.exists():
            self.origin.git("worktree", "add", "--detach", str(tree), self.head)
        return tree

    def _commit(self, change: Change, at: int) -> str:
        files: dict[str, str | bytes | None] = dict(change.files)
        for path, old, new in change.edits:
            text = (self.origin.path / path).read_text()
            assert text.count(old) == 1, (self.case.name, path, old)
            files[path] = text.replace(old, new)
        return self.origin.commit(change.subject, files, at=at)

    def _send(self, event: dict[str, Any], at: int, release: str) -> ErrorSeen:
        """Take an event in as the gateway does, at that time, with an id of its own."""
        name = f"{self.case.name}/{at}/{event.get('logger', '')}"
        body = event | {
            "event_id": derive_hex(name),
            "timestamp": at / 1000,
            "environment": "production",
            "user": {"id": str(at // _EVERY % 17)},
        }
        if release:
            body["release"] = release
        key = ProjectKey("k", TENANT, PROJECT, active=True, events_per_minute=0)
        intake = take_event_object(
            json.loads(json.dumps(body)), Source(key, at + 200, derive_hex("other"), b"salt"), None
        )
        assert not intake.bugs, intake.bugs
        (seen,) = [r for each in intake.records if each.topic == "sentry.events"
                   if isinstance(r := project_stream.decode(each.value), ErrorSeen)]  # fmt: skip
        self._records.append(seen)
        bodies = [payload.decode(each.value) for each in intake.records if each.topic == "sentry.payloads"]
        self.archive.insert([archived_row(each) for each in bodies])
        return seen

    def _louder(self, old: str, new: str) -> None:
        """Send an unrelated error that was always there, and is louder than the case's."""
        frame = {
            "filename": "shop/stockroom.py",
            "function": "look",
            "lineno": 3,
            "in_app": True,
            "module": "shop.stockroom",
        }
        value = {"type": "StockError", "value": "shelf is empty", "stacktrace": {"frames": [frame]}}
        event = {"platform": "python", "level": "error", "logger": "louder", "exception": {"values": [value]}}
        for at in range(RELEASED - 6 * HOUR, RELEASED + 20 * MINUTE, 12_000):
            self._send(event, at, old if at < RELEASED else new)

    def _deployed(self, release: str, environment: str, at: int) -> None:
        self.archive.insert([ArchivedDeploy(tenant_id=TENANT, project_id=PROJECT, deploy_id=f"{release}{at}",
                                            deployed_at=at, release=release, environment=environment)])  # fmt: skip

    def _sessions(self, old: str, new: str) -> None:
        """Report sessions, thrice as many since the deploy: a healthy surge."""
        rows = [
            ArchivedSessions(tenant_id=TENANT, project_id=PROJECT, row_id=str(at), started_at=at,
                             release=old if at < RELEASED else new, environment="production",
                             exited=100 if at < RELEASED else 300, errored=0, crashed=0, abnormal=0)
            for at in range(RELEASED - 6 * HOUR, RELEASED + 20 * MINUTE, MINUTE)
        ]  # fmt: skip
        self.archive.insert(rows)


def _beside(case: Case) -> list[Change]:
    """Return a later change of the same file that breaks nothing."""
    text = case.files.get(case.right_file, "")
    first = text.partition("\n")[0]
    touched = any(path == case.right_file for each in case.earlier for path, _, _ in each.edits)
    if touched or case.gap or text.count(first) != 1 or not first.endswith('."""'):
        return []
    return [change("say more", case.right_file, first, first.removesuffix('"""') + '\n\nNobody reads this.\n"""')]


def derive_hex(name: str) -> str:
    """Return 32 hexadecimal digits that are the same for the same name."""
    return derive("bench", name).replace("-", "")
