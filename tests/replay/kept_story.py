"""The whole story of an incident as the product writes it, in memory: the log, the store and the archive."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.streams.materializing import Materializing
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.timeline_facts import PlacedFact
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents import rules
from premortem.agents.rca import RootCauses
from premortem.domain.decision import LEVEL_GATE, Decision, Gate
from premortem.domain.detection.findings import incident_id
from premortem.domain.evidence import Edit, Evidence, Made, observed
from premortem.domain.ids import EventId, FactId, ProjectId, TenantId, derive
from premortem.domain.incident import Incident
from premortem.domain.observations import BlastRadius, Onset, result
from premortem.domain.routing import react
from premortem.domain.tasks import (
    BuildContext,
    EvaluateFix,
    FindDeploy,
    OpenPullRequest,
    ProposeFix,
    ProposeRootCause,
    Task,
    answer_id,
    task_id,
)
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentFact,
    PullRequestOpened,
    RootCauseProposed,
    decode,
    encode,
)
from premortem.domain.work import Answer, Work
from premortem.ports import Append, IncidentReader, IncidentStore, LogReader, LogRecord
from premortem.workers import evaluation
from premortem.workers.evaluation import Evaluations
from replay.verifying.archived_counts import Archive
from replay.verifying.incident_records import kept_of
from replay.verifying.recomputed import Rules
from replay.verifying.verification import Verification, verify
from tests.agents import stored
from tests.builders import NOW, detected
from tests.workers.bench import Bench, received
from tests.workers.shop_archive import BOOM, COMMIT, DEPLOYED, HOUR, MERGED, MINUTE, NEXT, after, before, event

TENANT, PROJECT = TenantId("acme"), ProjectId(1)
GATES = (Gate("unhandled or fatal", 1, 1, passed=True), Gate(LEVEL_GATE, 1, 1, passed=True),
         Gate("hours old", 0.5, 24, passed=True))  # fmt: skip
DECISION = Decision("novelty", 1, fired=True, at=NOW, onset=NOW, gates=GATES)
ID = incident_id(TENANT, PROJECT, BOOM, DECISION)
OPENED = detected(
    incident_id=ID, id=FactId(derive("fact", ID, "IncidentDetected")), decision=DECISION, fingerprint=BOOM, v=3
)
RULES = Rules(settle=rules.settled, cause_version=rules.VERSION, evaluation_version=evaluation.VERSION)
ASKED = (("tenant", TENANT), ("project", str(PROJECT)), ("fingerprints", BOOM), ("start", str(NOW - HOUR)),
         ("end", str(NOW + HOUR)))  # fmt: skip


def about(kind: Callable[..., IncidentFact], id_: str, at: int, **said: Any) -> IncidentFact:
    """Return a fact about the incident."""
    whose = {"incident_id": ID, "tenant_id": TENANT, "project_id": PROJECT}
    return kind(**({"id": FactId(id_), "occurred_at": at} | whose | said))


def task(kind: type[Task], cause: IncidentFact, at: int) -> Any:
    """Return the task that the fact asked for, at that time."""
    whose = {"incident_id": ID, "tenant_id": TENANT, "project_id": PROJECT}
    return kind(**whose, id=task_id(kind, cause.id), caused_by=cause.id, at=at)


def evidence() -> tuple[Evidence, ...]:
    """Return what the archive and the repository told, six events in the first hour."""
    minutes = tuple((NOW - NOW % MINUTE + n * 10 * MINUTE, 1) for n in range(6))
    onset = Onset(at=NOW, earliest=NOW - HOUR, latest=NOW + MINUTE, minutes=minutes)
    radius = BlastRadius(events=6, users=0, releases=("shop@1",), environments=("production",), first_seen=NOW,
                         last_seen=NOW + 50 * MINUTE)  # fmt: skip
    return (
        observed("onset", "It began", "counts", ASKED, result(onset)),
        observed("blast_radius", "6 events", "reach", ASKED, result(radius)),
        stored.event(),
        stored.code(),
        stored.blame((6, stored.FAR), (7, stored.BAD)),
        stored.commits(stored.commit(stored.BAD, "shop/cart.py"), stored.commit(stored.FAR, "shop/ship.py")),
    )


def build(work: Work[BuildContext]) -> Answer:
    """Answer as a context builder."""
    found = evidence()
    made = Made(by="rules", agent="context", agent_version=1, task_id=work.task.id)
    ids = tuple(each.id for each in found)
    return Answer((ContextBuilt(**work.heading(250), v=3, evidence_ids=ids, evidence=found, made=made),))


class Story:
    """An incident from its detection to its end, each fact written by what writes it in the product."""

    def __init__(self) -> None:
        self.archive = MemoryEvidenceStore()
        self.archive.insert(
            [*before(), *after(12), event(NOW, fingerprint=NEXT, event_id=EventId("1" * 32), release="")]
        )
        self.bench = Bench(
            build_context=build,
            propose_root_cause=RootCauses(None, stored.nothing_known, SilentTracer(), seconds=lambda: 0.0),
            evaluate_fix=Evaluations(self.archive, seconds=lambda: 0.0),
        )
        self._write()

    def _write(self) -> None:
        self.tell(OPENED)
        context = self.work(task(BuildContext, OPENED, NOW + HOUR))
        self.tell(about(HumanResponded, "a note", NOW + HOUR + MINUTE, by="ann", text="I am looking at it."))
        cause = self.work(task(ProposeRootCause, context, NOW + HOUR + 2 * MINUTE))
        fix = about(
            FixProposed, answer_id(task(ProposeFix, cause, 0)), NOW + 2 * HOUR,
            summary="Revert it", patch="p", edits=(Edit("shop/cart.py", "a", "b"),), ready=True, v=3,
        )  # fmt: skip
        pull = about(
            PullRequestOpened, answer_id(task(OpenPullRequest, fix, 0)), NOW + 2 * HOUR + MINUTE,
            repository="acme/shop", number=1, url="https://git.example/1", branch="b", v=3,
        )  # fmt: skip
        merged = about(
            FixApplied, derive("pull request merged", ID, "acme/shop", 1, COMMIT), MERGED,
            repository="acme/shop", number=1, commit=COMMIT,
        )  # fmt: skip
        deployed = about(
            FixDeployed, answer_id(task(FindDeploy, merged, 0)), DEPLOYED + 3 * MINUTE, release="shop@2",
            environment="production", inferred=False, commit=COMMIT, deployed_at=DEPLOYED, v=2,
        )  # fmt: skip
        self.tell(fix, pull, merged, deployed)
        early = self.work(task(EvaluateFix, deployed, DEPLOYED + HOUR // 2))
        verdict = self.work(task(EvaluateFix, early, DEPLOYED + 12 * HOUR))
        self.tell(*react(self.incident(), verdict).facts)

    def tell(self, *facts: IncidentFact) -> None:
        """Write facts on the log, and let `materialize` read it."""
        self.bench.log.append([Append("debugging.timeline", ID, encode(fact)) for fact in facts])
        materialize(self.bench.log, self.bench.incidents)

    def work(self, asked: Task) -> IncidentFact:
        """Let a worker do the task, and return its answer."""
        assert self.bench.attempt()(received(asked)) == "answered"
        materialize(self.bench.log, self.bench.incidents)
        return self.fact(ContextBuilt, RootCauseProposed, EvaluationCompleted)

    def incident(self) -> Incident:
        """Return the incident as it is now."""
        found = self.bench.incidents.get(TENANT, ID)
        assert found is not None
        return found

    def fact(self, *kinds: type[IncidentFact]) -> Any:
        """Return the newest fact of those kinds."""
        return next(fact for fact in reversed(self.bench.facts()) if isinstance(fact, kinds))

    def values(self) -> list[bytes]:
        """Return the records of the timeline, in order."""
        return [record.value for record in records_of(self.bench.log)]


def records_of(log: LogReader) -> list[LogRecord]:
    """Return the records of the incident."""
    found = [r for p in range(log.partitions("debugging.timeline")) for r in log.read("debugging.timeline", p, 0, 1000)]
    return [record for record in found if record.key == ID]


def materialize(log: LogReader, store: IncidentStore) -> None:
    """Do what `materialize` does, from the beginning of the log on."""
    placed = [PlacedFact(decode(record.value), record) for record in records_of(log)]  # type: ignore[arg-type]
    Materializing(store, Patience(Event()))(placed)


def written(values: Sequence[bytes]) -> tuple[MemoryEventLog, MemoryIncidentStore]:
    """Return a log that holds these records, and a store that was rebuilt from it."""
    log, store = MemoryEventLog(2), MemoryIncidentStore()
    log.append([Append("debugging.timeline", ID, value) for value in values])
    materialize(log, store)
    return log, store


def verification(log: LogReader, store: IncidentReader, archive: Archive | None) -> Verification:
    """Return what a verification finds."""
    return verify(kept_of(log, store, TENANT, ID), RULES, archive)


def failed(found: Verification) -> dict[str, list[str]]:
    """Return the checks that failed, each with where."""
    return {check.what: [wrong.where for wrong in check.wrong] for check in found.checks if check.state == "FAILED"}
