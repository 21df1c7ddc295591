"""Stored evidence for the tests of the agents: a shop whose cart fails since a deploy."""

from typing import Any

from msgspec import Struct

from premortem.domain.evidence import Evidence, EvidenceKind, Gap, observed
from premortem.domain.ids import FactId, TenantId
from premortem.domain.incident import fold
from premortem.domain.observations import (
    Blame,
    BlameLine,
    Code,
    Commits,
    CommitSeen,
    Deploys,
    DeploySeen,
    EventSeen,
    ExceptionSeen,
    FrameSeen,
    Onset,
    Releases,
    ReleaseSeen,
    result,
)
from premortem.domain.outcomes import ProposedCause
from premortem.domain.tasks import ProposeRootCause, task_id
from premortem.domain.timeline import ContextBuilt, IncidentFact
from premortem.domain.work import Work
from tests.builders import NOW, detected

HOUR = 3_600_000
BAD, OTHER, FAR = "bad0" * 10, "07e4" * 10, "fa40" * 10


def evidence(kind: EvidenceKind, observation: Struct, name: str = "") -> Evidence:
    return observed(kind, kind, "asked", (("name", name),), result(observation))


def commit(id_: str, *paths: str, ago: int = 2, patch: str = "") -> CommitSeen:
    return CommitSeen(id=id_, committed_at=NOW - ago * HOUR, subject=f"change {id_[:4]}", paths=paths, patch=patch)


def commits(*listed: CommitSeen) -> Evidence:
    found = Commits(repository="acme/shop", bad_commit=BAD, good_commit=FAR, rule="between_releases", commits=listed)
    return evidence("commits", found)


def code(path: str = "shop/cart.py", line: int = 7, depth: int = 0, function: str = "total") -> Evidence:
    lines = tuple(f"line {n} of {path}" for n in range(line - 3, line + 4))
    return evidence("code", Code(repository="acme/shop", commit=BAD, path=path, function=function,
                                 first_line=line - 3, failing_line=line, lines=lines, depth=depth))  # fmt: skip


def blame(*writers: tuple[int, str], path: str = "shop/cart.py", failing: int = 7) -> Evidence:
    lines = tuple(BlameLine(line=n, text="x", commit=id_, committed_at=NOW) for n, id_ in writers)
    return evidence("blame", Blame(repository="acme/shop", commit=BAD, path=path, failing_line=failing, lines=lines))


def event(type_: str = "KeyError", value: str = "'total'", **said: Any) -> Evidence:
    frames = (FrameSeen(filename="shop/cart.py", function="total", line=7, in_app=True, context_line="return x[k]"),)
    exception = ExceptionSeen(type=type_, value=value, frames=frames)
    seen = EventSeen(rule="first", event_id="1" * 32, occurred_at=NOW, title=type_, exceptions=(exception,), **said)
    return evidence("event", seen)


ONSET = evidence("onset", Onset(at=NOW, earliest=NOW - 60_000, latest=NOW + 60_000, minutes=((NOW, 41),)))
DEPLOYS = evidence(
    "deploys", Deploys(deploys=(DeploySeen(release="shop@2", environment="production", deployed_at=NOW - HOUR),))
)
RELEASES = evidence(
    "releases",
    Releases(
        releases=(ReleaseSeen(release="shop@2", first_seen=NOW - HOUR, last_seen=NOW, events=50, failing=41),),
        last_good="shop@1",
        first_bad="shop@2",
    ),
)


def context(*found: Evidence, gaps: tuple[Gap, ...] = (), name: str = "context") -> ContextBuilt:
    whose = detected()
    return ContextBuilt(
        id=FactId(name),
        incident_id=whose.incident_id,
        tenant_id=whose.tenant_id,
        project_id=whose.project_id,
        occurred_at=NOW + 1000,
        v=2,
        evidence_ids=tuple(each.id for each in found),
        evidence=found,
        gaps=gaps,
    )


def asked(kind: Any, *facts: IncidentFact) -> Any:
    """Return the work of a task of `kind` that the last of the facts asked for."""
    timeline = (detected(), *facts)
    incident = fold(timeline)
    assert incident is not None
    last = timeline[-1]
    task = kind(
        id=task_id(kind, last.id),
        incident_id=last.incident_id,
        tenant_id=last.tenant_id,
        project_id=last.project_id,
        caused_by=last.id,
        at=last.occurred_at,
    )
    return Work(task, incident, timeline)


def nothing_known(tenant: TenantId) -> tuple[ProposedCause, ...]:
    """Return the outcomes of an installation that has none yet."""
    return ()


def rca(*found: Evidence, gaps: tuple[Gap, ...] = ()) -> Work[ProposeRootCause]:
    work: Work[ProposeRootCause] = asked(ProposeRootCause, context(*found, gaps=gaps))
    return work
