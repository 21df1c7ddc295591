"""What the analysts made of a case, against what is known of it."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.agents.case import Case
from benchmarks.agents.stage import Stage
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.asking import Questions
from premortem.agents.fix import Fixes
from premortem.agents.instrumentation import Instrumentations
from premortem.agents.model_fix import ModelFixes
from premortem.agents.model_rca import ModelAnalyst
from premortem.agents.rca import RootCauses
from premortem.domain.incident import fold
from premortem.domain.routing import DEFAULT, react
from premortem.domain.tasks import BuildContext, ProposeFix, ProposeInstrumentation, ProposeRootCause, Task
from premortem.domain.timeline import (
    ContextBuilt,
    FixProposed,
    IncidentFact,
    InstrumentationProposed,
    RootCauseProposed,
)
from premortem.domain.work import Work
from premortem.workers.context.building import Contexts


class Judged(Struct, frozen=True, kw_only=True):
    """One case's outcome."""

    case: Case
    suspect: bool
    """The suspect change is the true one."""
    right_file: bool
    right_hypothesis: bool
    """The leading hypothesis names the true change; of a sparse case: the missing piece is named, no cause claimed."""
    false_confidence: bool
    """Wrong, and sure enough for a fix."""
    fix_verified: bool
    """The patch makes the call return; of a sparse case with code: instrumentation is ready."""
    newest: bool
    """The newest change of the release is the true one: what suspecting the last commit would have come to."""
    confidence: float
    kind: tuple[str, str]
    """Whose verdict it is, and the reason of its cap: what its outcome counts for (`domain.calibration`)."""
    claims: bool
    said: str
    cost_microdollars: int


def judge(case: Case, questions: Questions | None = None) -> Judged:
    """Play the case and return what became of it."""
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(case, Path(directory))
        facts: list[IncidentFact] = [stage.play()]
        tracer = SilentTracer()
        contexts = Contexts(stage.archive, stage.source, stage.administration, stage.similar, stage.incidents)
        analyst, author = (ModelAnalyst(questions), ModelFixes(questions)) if questions else (None, None)
        handlers = {
            BuildContext: contexts,
            ProposeRootCause: RootCauses(analyst, lambda _: (), tracer),
            ProposeFix: Fixes(stage.source, stage.administration, author, tracer),
            ProposeInstrumentation: Instrumentations(stage.source, stage.administration, tracer),
        }
        while (work := _next(facts)) is not None and type(work.task) in handlers:
            facts += handlers[type(work.task)](work).facts  # type: ignore[operator]
        return _judged(stage, facts)


def _next(facts: Sequence[IncidentFact]) -> Work[Task] | None:
    incident = fold(facts)
    assert incident is not None
    asked = [task for task in react(incident, facts[-1]).tasks if type(task).__name__ != "Notify"]
    return Work(asked[0], incident, facts) if asked else None


def _judged(stage: Stage, facts: Sequence[IncidentFact]) -> Judged:
    case = stage.case
    (context,) = [fact for fact in facts if isinstance(fact, ContextBuilt)]
    (cause,) = [fact for fact in facts if isinstance(fact, RootCauseProposed)]
    last = facts[-1]
    suspect = cause.suspect is not None and cause.suspect.commit == stage.culprit and not case.gap
    named = cause.suspect.paths if cause.suspect else ()
    sure = cause.confidence >= DEFAULT.fix_confidence
    leading = next((each.mechanism for each in cause.hypotheses if each.state == "leading"), "")
    if case.gap:
        right = not sure and case.gap in {gap.id for gap in (*context.gaps, *cause.missing)}
        verified = isinstance(last, InstrumentationProposed) and last.ready
    else:
        right = stage.culprit[:12] in leading
        verified = isinstance(last, FixProposed) and bool(last.patch) and _mends(stage, last)
    return Judged(
        case=case,
        suspect=suspect,
        right_file=case.right_file in named or (cause.location is not None and cause.location.path == case.right_file),
        right_hypothesis=right,
        false_confidence=sure and not suspect,
        fix_verified=verified,
        newest=stage.head == stage.culprit,
        confidence=cause.confidence,
        kind=(cause.decided_by, cause.cap_reason),
        claims=cause.verdict == "probable",
        said=f"{cause.summary} {last.summary if isinstance(last, FixProposed | InstrumentationProposed) else ''}",
        cost_microdollars=sum(fact.made.cost_microdollars for fact in facts
                              if isinstance(fact, RootCauseProposed | FixProposed) and fact.made),
    )  # fmt: skip


def _mends(stage: Stage, fix: FixProposed) -> bool:
    """Tell whether the call returns where the edits were made."""
    (repository,) = stage.administration.repositories(fix.tenant_id, fix.project_id)
    with stage.source.worktree(repository, fix.base_commit) as tree:
        tree.apply(fix.edits)
        environment = stage.environment()
        environment["PYTHONPATH"] = f"{tree.path}:{environment['PYTHONPATH']}"
        # What was installed and set for the good release comes back with a change of what names it.
        if stage.case.modules[0] and any(edit.path == "requirements.txt" for edit in fix.edits):
            for name, text in stage.case.modules[0].items():
                (tree.path / name).write_text(text)
        if stage.case.environment[0] and any(edit.path.startswith("deploy/") for edit in fix.edits):
            environment |= stage.case.environment[0]
        done = subprocess.run([sys.executable, "-c", stage.case.call], cwd=tree.path, env=environment,
                              capture_output=True, timeout=60)  # fmt: skip
    return done.returncode == 0
