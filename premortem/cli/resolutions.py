"""Resolution lint: a resolution that no event would ever take back is refused, and older ones are looked through."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from premortem.cli.moments import show_moment
from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, printable
from premortem.domain.conservation import STATE_KEY
from premortem.domain.detection import Detector
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.reopening import Answer, lint, sentence
from premortem.domain.timeline import IncidentFact, IncidentResolved, decode
from premortem.exceptions import Malformed
from premortem.ports import CheckpointStore, IncidentFilter, IncidentStore
from premortem.settings import Settings

AnywayOption = Annotated[bool, typer.Option("--anyway", help="Also when nothing could ever open it again.")]
_PAGE = 200


def check(incident: Incident, fact: IncidentFact, *, anyway: bool) -> list[str]:
    """Return what is to be known of the resolution that the fact leads to, and say it on stderr.

    Raises Malformed when nothing could open the incident again; `anyway` makes a warning of it. It asks the detector's
    newest checkpoint, without its errors, which costs some milliseconds; where there is none nothing is refused.
    """
    from premortem import bootstrap

    with bootstrap.checkpoints(Settings()) as checkpoints:
        project = bootstrap.held(checkpoints, incident.project_id)
    if project is None:
        return []
    answer = lint(incident, project, fact.occurred_at, fact)
    said = [printable(sentence(answer.verdict, reason)) for reason in answer.reasons]
    if answer.verdict == "never" and not anyway:
        raise Malformed(f"{said[0]} To resolve it all the same: --anyway.")
    for each in said:
        typer.echo(f"premortem: {each}", err=True)
    return said


def lint_incidents(
    project: Annotated[int | None, typer.Option(min=1, max=(1 << 63) - 1, help="Only this project's.")] = None,
    narrow: Annotated[bool, typer.Option("--narrow", help="Also those that hardly anything opens.")] = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"id", "title", "resolved_at", "verdict", "reasons"}]')] = False,
) -> None:
    """List the resolved incidents that no event would ever open again, and why. Exit code 3 when there are any.

    It asks the detector as its newest checkpoint has it, errors included, and reads one partition's state at a time.
    """
    from premortem import bootstrap

    settings, where = Settings(), IncidentFilter("resolved", ProjectId(project) if project is not None else None)
    with bootstrap.incidents(settings) as store, bootstrap.checkpoints(settings) as checkpoints:
        resolved = list(_resolved(store, TenantId(tenant), where))
        looked = [_looked_at(store, found, detector) for detector, found in _detectors(checkpoints, resolved)]
    shown = sorted(
        (each for each in looked if each.answer.verdict == "never" or (narrow and each.answer.verdict == "narrow")),
        key=lambda each: (-each.at, each.incident.id),
    )
    if as_json:
        print_json([_plain(each) for each in shown])
    else:
        rows = [_row(each) for each in shown]
        empty = f"Each of {len(looked)} resolved incidents can be opened again by an event."
        print_table(("resolved (UTC)", "incident", "error", "opened again", "why", "what mends it"), rows, empty)
    if any(each.answer.verdict == "never" for each in shown):
        raise typer.Exit(3)


class _Looked(NamedTuple):
    incident: Incident
    at: int
    answer: Answer


def _resolved(store: IncidentStore, tenant: TenantId, where: IncidentFilter) -> Iterator[Incident]:
    cursor: str | None = None
    while True:
        page = store.find(tenant, where, cursor, _PAGE)
        yield from page.incidents
        cursor = page.cursor
        if cursor is None:
            return


def _detectors(checkpoints: CheckpointStore, incidents: list[Incident]) -> Iterator[tuple[Detector, Incident]]:
    """Yield each incident with the detector of its partition, one detector at a time; none whose project it forgot."""
    partitions: dict[int, list[Incident]] = {}
    for project in dict.fromkeys(incident.project_id for incident in incidents):
        for _, partition in checkpoints.parts(f"{project}/resolutions"):
            partitions.setdefault(partition, []).extend(each for each in incidents if each.project_id == project)
    for partition in sorted(partitions):
        state = checkpoints.load("detect", partition).state
        detector = Detector.restore({name: part for name, part in state.items() if name != STATE_KEY})
        for incident in partitions[partition]:
            yield detector, incident


def _looked_at(store: IncidentStore, incident: Incident, detector: Detector) -> _Looked:
    """Return what could open it again; a resolution that the detector has not read yet is asked about as it will be."""
    rows = store.timeline(incident.tenant_id, incident.id, -1, 1000)
    facts = [fact for fact in map(decode, (row.value for row in rows)) if isinstance(fact, IncidentResolved)]
    newest = facts[-1] if facts else None
    at = newest.occurred_at if newest else incident.updated_at
    unread = newest if newest is not None and at >= detector.clock else None
    return _Looked(incident, at, lint(incident, detector.project(incident.project_id), max(at, detector.clock), unread))


_OPENED = {"never": "by nothing", "narrow": "hardly", "ordinary": "yes"}


def _row(each: _Looked) -> tuple[str, ...]:
    reasons = each.answer.reasons
    why, mend = "; ".join(r.why for r in reasons), "; ".join(dict.fromkeys(r.mend for r in reasons))
    return show_moment(each.at), each.incident.id, each.incident.title, _OPENED[each.answer.verdict], why, mend


def _plain(each: _Looked) -> dict[str, Any]:
    reasons = [{"why": reason.why, "mend": reason.mend} for reason in each.answer.reasons]
    incident, verdict = each.incident, each.answer.verdict
    return {
        "id": incident.id, "title": incident.title, "resolved_at": each.at, "verdict": verdict, "reasons": reasons
    }  # fmt: skip
