"""The timeline (`debugging.timeline`) as bytes: facts of every version ever written are read in the shape of today."""

from typing import assert_never, get_args

import msgspec
from msgspec.structs import replace

from premortem.domain.evidence import Gap
from premortem.domain.facts import (
    AnswerReconsidered,
    Baseline,
    Changed,
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
    IncidentGrew,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
    Severity,
    TaskFailed,
    TimelineEvent,
    TimelineTicked,
)
from premortem.domain.tasks import QUEUES
from premortem.domain.versions import reader

__all__ = [
    "VERSIONS",
    "AnswerReconsidered",
    "Baseline",
    "Changed",
    "Comparison",
    "ContextBuilt",
    "Effect",
    "EvaluationCompleted",
    "FixApplied",
    "FixDeployed",
    "FixProposed",
    "HumanResponded",
    "IncidentDetected",
    "IncidentFact",
    "IncidentGrew",
    "IncidentMerged",
    "IncidentReopened",
    "IncidentResolved",
    "IncidentSuppressed",
    "InstrumentationProposed",
    "PullRequestOpened",
    "RootCauseProposed",
    "Severity",
    "TaskFailed",
    "TimelineEvent",
    "TimelineTicked",
    "decode",
    "decode_as_written",
    "encode",
    "upcast",
]

encode = msgspec.json.Encoder(order="deterministic").encode
"""Fact to bytes; equal facts give equal bytes."""

VERSIONS: dict[type[TimelineEvent], int] = dict.fromkeys(get_args(TimelineEvent), 1) | {
    IncidentDetected: 3,
    IncidentGrew: 2,
    IncidentMerged: 2,
    ContextBuilt: 3,
    RootCauseProposed: 4,
    InstrumentationProposed: 3,
    FixProposed: 3,
    PullRequestOpened: 4,
    FixDeployed: 2,
    EvaluationCompleted: 3,
    IncidentResolved: 2,
    IncidentReopened: 2,
    IncidentSuppressed: 3,
    TaskFailed: 2,
    HumanResponded: 4,
}
"""The newest version of each kind. One that needs nothing of the newest may be written as an older one."""

_OLD_VERDICTS: dict[str, Effect] = {"fixed": "effective", "not_fixed": "ineffective"}
_OLD_STAGES = {kind.__name__: queue.removesuffix("-tasks") for kind, queue in QUEUES.items()}


def upcast(event: TimelineEvent) -> TimelineEvent:
    """Return the event as today's newest version says it; one that says it so already, as it is."""
    newest = VERSIONS[type(event)]
    if event.v >= newest:
        return event
    match event:
        case EvaluationCompleted():
            return replace(event, v=newest, verdict=_OLD_VERDICTS.get(event.verdict, event.verdict))
        case TaskFailed():
            return replace(event, v=newest, stage=_OLD_STAGES.get(event.stage, event.stage))
        case ContextBuilt() if event.v == 1:
            gaps = tuple(Gap(id=name, what=name, why="unavailable", how="") for name in event.missing)
            return replace(event, v=newest, gaps=event.gaps or gaps)
        case RootCauseProposed() if event.v == 1:  # nothing was capped then: what was claimed is what counted
            return replace(event, v=newest, raw_confidence=event.raw_confidence or event.confidence)
        case (
            IncidentDetected()
            | IncidentGrew()
            | IncidentMerged()
            | ContextBuilt()
            | RootCauseProposed()
            | InstrumentationProposed()
            | FixProposed()
            | PullRequestOpened()
            | FixApplied()
            | FixDeployed()
            | IncidentResolved()
            | IncidentReopened()
            | IncidentSuppressed()
            | HumanResponded()
            | AnswerReconsidered()
            | TimelineTicked()
        ):  # what they left out still means what its default says
            return replace(event, v=newest)
        case _:
            assert_never(event)


decode_as_written = msgspec.json.Decoder(TimelineEvent).decode
"""Bytes to the event as its version said it: for whoever looks at versions. Raises `msgspec.DecodeError`."""

decode = reader(decode_as_written, VERSIONS, upcast)
"""Bytes to the event in the shape of today. Raises ValueError for bytes that no version of ours wrote, and
`versions.Newer` for what only a newer version can read.
"""
