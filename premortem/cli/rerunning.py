"""`premortem rerun`: ask for an answer again, of another model or with another prompt or budget, and compare."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import track

from premortem.cli import answers
from premortem.cli.moments import parse_moment
from premortem.cli.output import DEFAULT_TENANT, Tenant, console, json_option, print_json, printable
from premortem.domain import timeline
from premortem.domain.comparing_answers import Difference, compare
from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.outcomes import outcome
from premortem.domain.reconsidering import answer_of, context_of, reconsiderations, reconsidered
from premortem.domain.timeline import AnswerReconsidered, IncidentFact, RootCauseProposed, TimelineTicked
from premortem.exceptions import Malformed, Unavailable
from premortem.settings import Settings

_PAGE, _LONGEST_PROMPT = 1000, 100_000
_NO_FIX = (
    "a fix is written and checked in a checkout of the repository, which is no stored evidence: asked again it would "
    "read what may have changed since. Ask for --stage rca."
)
_Dollars = Annotated[Decimal | None, typer.Option(min=0, help="Dollars for a million tokens; as set when left out.")]


class Answered(msgspec.Struct, frozen=True):
    """An incident, the answer that was asked for again, the fact that stands beside it, and how they differ."""

    incident: Incident
    old: RootCauseProposed
    fact: AnswerReconsidered
    difference: Difference
    recorded_before: bool


def rerun(
    incident_id: Annotated[str, typer.Argument(help="The incident; left out: every one that --since names.")] = "",
    stage: Annotated[str, typer.Option(help="What is asked again: rca.")] = "rca",
    fact: Annotated[str, typer.Option(help="The answer that is asked for again, by its id; else the newest.")] = "",
    model: Annotated[str, typer.Option(help="Name of the model; PREMORTEM_MODEL_NAME when left out.")] = "",
    url: Annotated[
        str,
        typer.Option(help="Its base URL (.../v1); PREMORTEM_MODEL_URL if left out, whose key no other one gets."),
    ] = "",
    prompt: Annotated[Path | None, typer.Option(help="A file with instructions in place of ours.")] = None,
    budget_tokens: Annotated[int, typer.Option(min=0, help="Tokens for an answer; 0 = as for an incident.")] = 0,
    rules: Annotated[bool, typer.Option("--rules", help="Ask today's rules, and no model.")] = False,
    input_price: _Dollars = None,
    output_price: _Dollars = None,
    since: Annotated[str, typer.Option(help="All incidents opened at this moment or later, like 2026-11-25.")] = "",
    until: Annotated[str, typer.Option(help="And before this one.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Also where this setup has answered already.")] = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"answers": [{"incident", "difference", ...}], "totals"}')] = False,
) -> None:
    """Ask for a cause again on the stored evidence alone, record it beside the old answer, and show how they differ.

    Nothing is read but the incident's own facts, as they were when the old answer was given. A run that was broken off
    goes on where it stopped. Exit code 3 when the tenant's budget for the day leaves no room for another answer.
    """
    from premortem import bootstrap

    if stage != "rca":
        raise Malformed(_NO_FIX if stage == "fix" else f"nothing is asked again at stage {stage!r}. There is: rca.")
    if bool(incident_id) == bool(since):
        raise Malformed("name one incident, or many by --since and --until.")
    setup = bootstrap.Setup(
        rules=rules,
        model=model,
        url=url,
        instructions=_instructions(prompt),
        budget_tokens=budget_tokens,
        input_price=input_price,
        output_price=output_price,
    )
    asked = _asked(TenantId(tenant), incident_id, since, until)
    found, stopped = _ask_all(asked, setup, fact, again=again, quiet=as_json)
    if as_json:
        print_json(_plain(found))
    elif incident_id:
        for each in found:
            for line in answers.difference(each.difference, each.fact, recorded_before=each.recorded_before):
                console().print(printable(line), markup=False)
    else:
        answers.print_many([(each.incident, each.difference, each.recorded_before) for each in found], _right(found))
    if stopped:
        typer.echo(f"premortem: {stopped}", err=True)
        raise typer.Exit(3)


def _ask_all(
    asked: list[Incident], setup: Any, fact_id: str, *, again: bool, quiet: bool
) -> tuple[list[Answered], str]:
    """Return the answers, each on the log by now, and why it stopped before the last one, if it did."""
    from premortem import bootstrap

    settings, found, out = Settings(), list[Answered](), console()
    hidden = quiet or len(asked) < 2 or not out.is_terminal
    with bootstrap.incidents(settings) as store, bootstrap.event_log(settings) as log:
        at = _now(log, [incident.project_id for incident in asked])
        with bootstrap.reconsidering(settings, setup, at) as analyst:
            asking = _Asking(analyst, log, at, fact_id, again=again)
            for incident in track(asked, "Asking again", console=out, transient=True, disable=hidden):
                try:
                    found.append(asking(incident, _facts(store, incident)))
                except Unavailable as problem:
                    if len(asked) == 1 and not isinstance(problem, _Spent):
                        raise
                    return found, str(problem)
    return found, ""


class _Spent(Unavailable):
    """The tenant's day leaves no room for another answer."""


class _Asking:
    """Asks about one incident after the other; what is answered is on the log before the next one is asked about."""

    def __init__(self, analyst: Any, log: Any, at: int, fact_id: str, *, again: bool) -> None:
        self._analyst, self._log, self._at, self._fact_id, self._again = analyst, log, at, fact_id, again

    def __call__(self, incident: Incident, facts: tuple[IncidentFact, ...]) -> Answered:
        """Return the answer, or the one that this setup gave before. Raises Unavailable when it goes no further."""
        from premortem.ports import Append

        old = answer_of(facts, self._fact_id)
        if old is None:
            which = f" {self._fact_id}" if self._fact_id else ""
            raise Malformed(f"incident {incident.id} has no cause{which} yet. Look at it: premortem incidents show.")
        known = [each for each in reconsiderations(facts, old) if each.changed == self._analyst.changed]
        if known and not self._again:
            return _answered(incident, facts, old, known[-1], recorded_before=True)
        if not self._analyst.has_room(incident.tenant_id, incident.id):
            raise _Spent("the budget for models is spent for today. The same command goes on from here tomorrow.")
        new = reconsidered(old, self._analyst(facts, old), self._analyst.changed, self._at)
        before = any(each.id == new.id for each in facts)
        if not before:
            self._log.append([Append("debugging.timeline", new.incident_id, timeline.encode(new))])
        return _answered(incident, facts, old, new, recorded_before=before)


def _answered(
    incident: Incident,
    facts: tuple[IncidentFact, ...],
    old: RootCauseProposed,
    fact: AnswerReconsidered,
    *,
    recorded_before: bool,
) -> Answered:
    context = context_of(facts, old)
    found = compare(old, fact.answer, context.evidence if context else ())
    return Answered(incident, old, fact, found, recorded_before)


def _asked(tenant: TenantId, incident_id: str, since: str, until: str) -> list[Incident]:
    """Return the incidents that are meant, in the order of opening."""
    from premortem import bootstrap

    with bootstrap.incidents(Settings()) as store:
        if not incident_id:
            first, last = parse_moment(since), parse_moment(until) if until else 1 << 62
            found = [each for each in _every(store, tenant) if first <= each.opened_at < last and each.cause]
            if not found:
                raise Malformed("no incident of that time has a cause yet. List them: premortem incidents list.")
            return sorted(found, key=lambda each: (each.opened_at, each.id))
        incident = store.get(tenant, IncidentId(incident_id))
    if incident is None:
        raise Malformed(f"tenant {tenant!r} has no incident {incident_id}. List them: premortem incidents list.")
    return [incident]


def _every(store: Any, tenant: TenantId) -> Iterator[Incident]:
    from premortem.ports import IncidentFilter

    cursor: str | None = None
    while True:
        page = store.find(tenant, IncidentFilter(), cursor, _PAGE)
        yield from page.incidents
        cursor = page.cursor
        if cursor is None:
            return


def _facts(store: Any, incident: Incident) -> tuple[IncidentFact, ...]:
    facts: list[IncidentFact] = []
    after, full = -1, True
    while full:
        page = store.timeline(incident.tenant_id, incident.id, after, _PAGE)
        facts += [each for row in page if not isinstance(each := timeline.decode(row.value), TimelineTicked)]
        after, full = page[-1].offset if page else after, len(page) == _PAGE
    return tuple(facts)


def _now(log: Any, projects: list[ProjectId]) -> int:
    """Return a time just after the newest that the log knows of these projects."""
    from replay.reading import newest

    times = [at for project in dict.fromkeys(projects) if (at := newest(log, project)) is not None]
    if not times:
        raise Unavailable("the log is empty, so nobody can tell the time: start the gateway. premortem up")
    return max(times) + 1


def _instructions(prompt: Path | None) -> str:
    if prompt is None:
        return ""
    try:
        text = prompt.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise Malformed(f"--prompt {prompt}: it cannot be read as text.") from problem
    if not text.strip() or len(text) > _LONGEST_PROMPT:
        raise Malformed(f"--prompt {prompt}: instructions have 1 to {_LONGEST_PROMPT} letters.")
    return text


def _right(found: list[Answered]) -> list[str]:
    """Return the incidents whose old answer proved right."""
    known = {cause.id: outcome(cause) for each in found for cause in each.incident.causes}
    return [each.incident.id for each in found if known.get(each.old.id) == "right"]


def _plain(found: list[Answered]) -> Any:
    return {
        "answers": [
            {
                "incident": each.incident.id,
                "fact": each.fact.id,
                "reconsiders": each.old.id,
                "recorded_before": each.recorded_before,
                "changed": msgspec.to_builtins(each.fact.changed),
                "difference": msgspec.to_builtins(each.difference),
                "answer": msgspec.to_builtins(each.fact.answer),
            }
            for each in found
        ],
        "totals": msgspec.to_builtins(answers.totals_of([(e.incident, e.difference) for e in found], _right(found))),
    }
