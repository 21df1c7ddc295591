"""ProposeInstrumentation: a patch that records what was missing, for one named piece of missing context, and no more.

The rules log the variables of the failing statement just before it. The patch may add log statements and attributes
only, which is checked on the syntax tree; it names the hypotheses that it will tell apart, and what would settle it.
"""

import time
from collections.abc import Callable, Sequence

from premortem.agents import rules
from premortem.agents.checks.log_statements import only_records
from premortem.agents.checks.pipeline import Tried, try_patch
from premortem.agents.checks.texts import Changed
from premortem.agents.fix import cause_and_context, repository_of
from premortem.agents.recording import Recording, record_before_failure
from premortem.agents.signature import signed
from premortem.domain.evidence import Check, Gap, Made
from premortem.domain.tasks import ProposeInstrumentation
from premortem.domain.timeline import ContextBuilt, InstrumentationProposed, RootCauseProposed
from premortem.domain.work import Answer, Work
from premortem.ports import Administration, SourceCode, Tracer

_STEP = "instrumentation"


class Instrumentations:
    """The handler."""

    def __init__(
        self,
        source: SourceCode,
        administration: Administration,
        tracer: Tracer,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._administration = source, administration
        self._tracer, self._seconds = tracer, seconds

    def __call__(self, work: Work[ProposeInstrumentation]) -> Answer:
        """Return the instrumentation with its checks. Raises Permanent when no cause asked for it."""
        started = self._seconds()
        cause, context = cause_and_context(work)
        gap = missing_piece(cause, context)
        known = self._administration.repositories(work.task.tenant_id, work.task.project_id)
        if gap is None or not known:
            said = "no piece of context is missing that code could record" if known else "the project has no repository"
            return self._answer(work, started, cause, gap, Recording(why=said), "", "", Tried(patch="", checks=()))
        repository = repository_of(self._administration, work, cause)
        self._source.fetch(repository)
        base = self._source.head(repository)
        recording = record_before_failure(context, lambda path: self._source.file(repository, base, path))
        tried = try_patch(
            self._source,
            repository,
            base,
            recording.edits,
            {recording.path},
            context,
            recording.why,
            more=(_records_only,),
            by_rules=True,
            reproduce=False,
        )
        return self._answer(work, started, cause, gap, recording, repository.name, base, tried)

    def _answer(
        self,
        work: Work[ProposeInstrumentation],
        started: float,
        cause: RootCauseProposed,
        gap: Gap | None,
        recording: Recording,
        repository: str,
        base: str,
        tried: Tried,
    ) -> Answer:
        made = Made(by="rules", agent=rules.AGENT, agent_version=rules.VERSION)
        made = signed(made, work.task, self._tracer, _STEP, round((self._seconds() - started) * 1000))
        names = ", ".join(recording.names)
        fact = InstrumentationProposed(
            **work.heading(made.duration_ms),
            v=3,
            summary=f"Record {names} {recording.place}" if names else f"No instrumentation: {recording.why}",
            patch=tried.patch,
            gap=gap.id if gap else "",
            separates=tuple(each.id for each in cause.hypotheses if each.state != "refuted"),
            settles=f"The value and the type of {names} {recording.place}." if names else "",
            repository=repository,
            base_commit=base,
            edits=recording.edits,
            checks=tried.checks,
            ready=tried.ready,
            made=made,
        )
        said = {"summary": fact.summary, "ready": fact.ready}
        self._tracer.record(made.trace_id, _STEP, {"cause": cause.id}, said)
        return Answer(facts=(fact,))


def missing_piece(cause: RootCauseProposed, context: ContextBuilt) -> Gap | None:
    """Return the first missing piece of context that code can supply by recording more, or None."""
    return next((gap for gap in (*cause.missing, *context.gaps) if gap.instrumentable), None)


def _records_only(changes: Sequence[Changed]) -> Check:
    wrong = [f"{each.path}: {why}" for each in changes if (why := only_records(each.before or "", each.after or ""))]
    return Check(name="records only", state="failed" if wrong else "passed", output="; ".join(wrong))
