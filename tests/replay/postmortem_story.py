"""A scripted incident, from the first event to the second fix, on a log of its own.

`python -m tests.replay.postmortem_story > tests/replay/postmortem.md` writes its post-mortem anew. Read it before you
keep it.
"""

import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.agents import rules
from premortem.domain import project_stream, timeline
from premortem.domain.detection import detect_all
from premortem.domain.evidence import Check, Evidence, Gap
from premortem.domain.ids import FactId, ProjectId, TenantId
from premortem.domain.observations import (
    Attribute,
    BlastRadius,
    FailedFix,
    OverRepresented,
)
from premortem.domain.project_stream import ProjectRecord, tick
from premortem.domain.timeline import (
    Comparison,
    ContextBuilt,
    Effect,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentDetected,
    IncidentFact,
    IncidentReopened,
    IncidentResolved,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
    TaskFailed,
)
from premortem.ports import Append
from replay.postmortem import earliest, postmortem, story
from tests.agents.stored import BAD, DEPLOYS, ONSET, OTHER, RELEASES, blame, code, commit, commits, event, evidence
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, B, deployed, error, rule

TENANT, PROJECT = TenantId("acme"), ProjectId(1)
_GREEN = (Check(name="it applies", state="passed"), Check(name="tests", state="passed", output="12 passed"))
_REACH = evidence(
    "blast_radius",
    BlastRadius(
        events=212, users=57, releases=("shop@2",), environments=("production",), first_seen=NOW, last_seen=NOW + HOUR
    ),
)
_OVER = evidence(
    "over_represented",
    OverRepresented(
        attributes=(
            Attribute(
                name="tag:voucher", value="WINTER", inside=205, inside_total=212, before=3, before_total=400, lift=110.4
            ),
        )
    ),
)
_FAILED = evidence(
    "failed_fix",
    FailedFix(
        summary=f"Revert {OTHER[:12]}",
        patch="",
        release="shop@3",
        verdict="ineffective",
        measured="41 events in 300 sessions",
    ),
)
_LOCALS = Gap(
    id="local_variables", what="the local variables of the failing frame", why="empty",
    how="Let the SDK send them: include_local_variables.", instrumentable=True,
)  # fmt: skip
_TREE = Gap(
    id="repository",
    what="the code that fails",
    why="not_configured",
    how="premortem repository add NAME URL --project 1",
)


def records() -> list[ProjectRecord]:
    """Return what the project sent: one user fails, then a second and a third; fewer than three open nothing."""
    steered = [rule(NOW - DAY, "minimum_users", 3), rule(NOW - DAY, "minimum_events", 2)]
    others = [error(900 + n, NOW - DAY + n * HOUR, hashes=(B,)) for n in range(8)]
    mine = [
        error(n, NOW + at * MINUTE, handled=False, release="shop@2", user_hash=user, culprit="shop.cart in total")
        for n, (at, user) in enumerate(((0, "ann"), (1, "ann"), (4, "bob"), (11, "cleo"), (12, "dan")))
    ]
    return [*steered, *others, deployed(NOW - HOUR, "shop@2"), *mine, tick(NOW + HOUR)]


def facts() -> list[IncidentFact]:
    """Return the incident's facts, in the order of the log."""
    (opened,) = (fact for fact in detect_all(enumerate(records())) if fact.occurred_at >= NOW)
    assert isinstance(opened, IncidentDetected)
    numbers = count(1)

    def who(minutes: float) -> Any:
        return {
            "id": FactId(f"fact {next(numbers)}"),
            "incident_id": opened.incident_id,
            "tenant_id": TENANT,
            "project_id": PROJECT,
            "occurred_at": NOW + round(minutes * MINUTE),
        }

    def context(minutes: float, *found: Evidence, gaps: tuple[Gap, ...] = ()) -> ContextBuilt:
        return ContextBuilt(**who(minutes), v=3, evidence_ids=tuple(e.id for e in found), evidence=found, gaps=gaps)

    def cause(minutes: float, upon: ContextBuilt) -> RootCauseProposed:
        kept = rules.settled(upon)
        names = ("verdict", "summary", "confidence", "hypotheses", "chain", "suspect", "location", "raw_confidence")
        more = ("cap", "cap_reason", "dropped", "next_action", "next_action_risk")
        said = {name: getattr(kept, name) for name in (*names, *more)}
        return RootCauseProposed(**who(minutes), v=4, agent="rules", missing=upon.gaps, **said)

    def verdict(minutes: float, word: Effect, release: str, before: int, after: int) -> EvaluationCompleted:
        compared = Comparison(
            against="onset_to_fix", unit="sessions", before_events=before, before_exposure=900,
            after_events=after, after_exposure=300, needed_exposure=120,
        )  # fmt: skip
        return EvaluationCompleted(
            **who(minutes), verdict=word, release=release,
            summary=f"{after} events in 300 sessions after the deploy, {before} in 900 before.",
            environment="production", comparisons=(compared,),
        )  # fmt: skip

    def fixed(begin: float, number: int, commit_: str, release: str, took: float) -> list[IncidentFact]:
        repository = "acme/shop"
        return [
            FixProposed(
                **who(begin), summary=f"Revert {commit_[:12]}", patch="", form="revert", checks=_GREEN, ready=True
            ),
            PullRequestOpened(
                **who(begin + 0.1), repository=repository, number=number, branch="premortem/1",
                url=f"https://example.org/{number}",
            ),
            FixApplied(**who(begin + took), repository=repository, number=number, commit=f"{number}" * 40),
            FixDeployed(
                **who(begin + took + 6), release=release, environment="production", inferred=False,
                commit=f"{number}" * 40, deployed_at=NOW + round((begin + took + 5) * MINUTE),
            ),
        ]  # fmt: skip

    listed = commits(commit(OTHER, "shop/vouchers.py"), commit(BAD, "shop/cart.py"))
    blind = context(12, ONSET, event(), _REACH, gaps=(_TREE, _LOCALS))
    seen = context(
        42, ONSET, DEPLOYS, RELEASES, event(), _REACH, _OVER, listed, code("shop/vouchers.py"), gaps=(_LOCALS,)
    )
    again = context(
        131, ONSET, DEPLOYS, RELEASES, event(), _REACH, _OVER, listed, code(), blame((7, BAD)), _FAILED, gaps=(_LOCALS,)
    )
    return [
        opened,
        blind,
        cause(12.1, blind),
        InstrumentationProposed(
            **who(12.4), summary="Record the voucher", patch="+ x", gap="local_variables",
            checks=(Check(name="it applies", state="failed", output="no repository"),),
        ),
        TaskFailed(
            **who(13), task_id="t", stage="pull-request", reason="no repository is mapped to project 1", attempts=3
        ),
        HumanResponded(
            **who(41), by="ann", action="correct_cause",
            text="Only orders with a WINTER voucher fail. I mapped the repository.",
        ),
        seen,
        cause(42.2, seen),
        *fixed(43, 7, OTHER, "shop@3", 20),
        verdict(130, "ineffective", "shop@3", 160, 52),
        IncidentReopened(**who(130), reason="the fix was ineffective: 52 events in 300 sessions after the deploy"),
        again,
        cause(131.2, again),
        *fixed(132, 8, BAD, "shop@4", 35),
        verdict(230, "effective", "shop@4", 212, 0),
        IncidentResolved(**who(230), reason="verified", release="shop@4"),
    ]  # fmt: skip


def log_of(told: Sequence[IncidentFact], sent: Sequence[ProjectRecord]) -> MemoryEventLog:
    """Return a log that holds them."""
    log = MemoryEventLog(partitions=4)
    log.append([Append("sentry.events", str(PROJECT), project_stream.encode(record)) for record in sent])
    log.append([Append("debugging.timeline", fact.incident_id, timeline.encode(fact)) for fact in told])
    return log


def written(told: Sequence[IncidentFact], sent: Sequence[ProjectRecord]) -> str:
    """Return the post-mortem of the first fact's incident."""
    log = log_of(told, sent)
    found = story(log, TENANT, told[0].incident_id)
    return postmortem(found, earliest(log, found.opened), rules.settled)


if __name__ == "__main__":
    sys.stdout.write(written(facts(), records()))
