"""FindDeploy: the release that carries a merged fix, once it has reached the incident's environment.

A reported deploy says so; without one, the first event or session of such a release stands for it. What a release
carries is asked of the repository's history; where that cannot tell, a release first seen after the merge counts.
"""

import time
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from premortem.domain.evaluation import SEARCH_MS
from premortem.domain.evidence import Made
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.tasks import FindDeploy
from premortem.domain.timeline import EvaluationCompleted, FixApplied, FixDeployed
from premortem.domain.work import Answer, Work
from premortem.exceptions import Malformed, Permanent
from premortem.ports import EvidenceStore, Repository, SourceCode

AGENT, VERSION = "deploys", 1
_MOST = 200
Repositories = Callable[[TenantId, ProjectId], Sequence[Repository]]
Carries = Literal["ancestor", "order"]


class Sighting(Struct, frozen=True):
    """A release that reached the environment, by a deploy notice or (inferred) by its first event or session."""

    at: int
    release: str
    inferred: bool


class History:
    """What the history of one repository says of releases. `source` None, or no such repository = it says nothing."""

    def __init__(self, source: SourceCode | None, repository: Repository | None) -> None:
        self._source, self._repository, self._fetched = source, repository, False

    def carries(self, release: str, commit: str) -> bool | None:
        """Tell whether the release holds the commit; None = that cannot be told. Raises Unavailable."""
        if not self._source or not self._repository or not commit or not release:
            return None
        if not self._fetched:
            self._source.fetch(self._repository)
            self._fetched = True
        try:
            at = self._source.resolve(self._repository, release)
            return self._source.contains(self._repository, at, commit) if at else None
        except Malformed:
            return None


def history_of(
    source: SourceCode | None, repositories: Repositories | None, tenant: TenantId, project: ProjectId, name: str
) -> History:
    """Return the history of the project's repository of that name; it is fetched when it is first asked."""
    known = repositories(tenant, project) if repositories else ()
    return History(source, next((each for each in known if each.name == name), None))


class FindDeploys:
    """The handler."""

    def __init__(
        self,
        evidence: EvidenceStore,
        source: SourceCode | None = None,
        repositories: Repositories | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._evidence, self._source, self._repositories, self._seconds = evidence, source, repositories, seconds

    def __call__(self, work: Work[FindDeploy]) -> Answer:
        """Return the deploy, nothing while there is none, or after a week that there will be none to measure."""
        started = self._seconds()
        merge = next((fact for fact in work.facts if fact.id == work.task.caused_by), None)
        if not isinstance(merge, FixApplied):
            raise Permanent("no merge stands behind this task. Was it sent by hand?")
        found = self._find(work, merge)
        duration = round((self._seconds() - started) * 1000)
        if found is not None:
            return Answer(facts=(_deployed(work, merge, *found, duration),))
        if work.task.at - merge.occurred_at >= SEARCH_MS:
            return Answer(facts=(_never(work, duration),))
        return Answer()

    def _find(self, work: Work[FindDeploy], merge: FixApplied) -> tuple[Sighting, Carries] | None:
        sightings = self._sightings(work, merge.occurred_at)
        if not sightings:
            return None
        task = work.task
        history = history_of(self._source, self._repositories, task.tenant_id, task.project_id, merge.repository)
        for sighting in sightings:
            carries = history.carries(sighting.release, merge.commit)
            if carries:
                return sighting, "ancestor"
            if carries is None and self._is_new(work, sighting.release, merge.occurred_at):
                return sighting, "order"
        return None

    def _sightings(self, work: Work[FindDeploy], since: int) -> list[Sighting]:
        """Return the releases that reached the environment since, each with its earliest sign, in order."""
        where = (work.task.tenant_id, work.task.project_id, work.incident.environment or "")
        deploys = self._evidence.deploys_since(*where, since, _MOST)
        seen = self._evidence.releases_since(*where, since, _MOST)
        reported = {deploy.release for deploy in deploys}
        signs = [(deploy.deployed_at, deploy.release) for deploy in deploys]
        signs += [(release.first_seen, release.release) for release in seen]
        first: dict[str, int] = {}
        for at, release in sorted(signs):
            first.setdefault(release, at)
        return [Sighting(at, release, release not in reported) for release, at in first.items()]

    def _is_new(self, work: Work[FindDeploy], release: str, since: int) -> bool:
        where = (work.task.tenant_id, work.task.project_id, work.incident.environment or "")
        first = self._evidence.release_first_seen(*where, release)
        return first is None or first >= since


def _deployed(
    work: Work[FindDeploy], merge: FixApplied, sighting: Sighting, carries: Carries, duration_ms: int
) -> FixDeployed:
    return FixDeployed(
        **work.heading(duration_ms),
        release=sighting.release,
        environment=work.incident.environment or "",
        inferred=sighting.inferred,
        commit=merge.commit,
        carries=carries,
        deployed_at=sighting.at,
        v=2,
    )


def _never(work: Work[FindDeploy], duration_ms: int) -> EvaluationCompleted:
    environment = work.incident.environment or ""
    return EvaluationCompleted(
        **work.heading(duration_ms),
        verdict="inconclusive",
        summary=f"No release with the fix was seen in {environment or 'the environment without a name'} within a week "
        "of the merge. Deploy it, or report deploys and releases; a person has to decide.",
        reason="not_deployed",
        environment=environment,
        made=Made(
            by="rules",
            agent=AGENT,
            agent_version=VERSION,
            task_id=work.task.id,
            attempt=work.task.attempt,
            duration_ms=duration_ms,
        ),
        v=3,
    )
