"""Commands that read incidents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

import msgspec
import typer

from premortem.cli import incident_work
from premortem.cli.decisions import decision_lines
from premortem.cli.moments import show_moment as _clock
from premortem.cli.output import DEFAULT_TENANT, Tenant, console, json_option, print_json, print_table, printable
from premortem.domain import fingerprint
from premortem.domain import incident as domain
from premortem.domain.as_of import AsOf, known, not_yet, state
from premortem.domain.as_of import as_of as parse_as_of
from premortem.domain.cited import evidence_in
from premortem.domain.decision import explain
from premortem.domain.ids import EventId, IncidentId, ProjectId, TenantId
from premortem.domain.timeline import TimelineTicked, decode
from premortem.exceptions import Malformed, Unavailable
from premortem.settings import Settings

if TYPE_CHECKING:
    from premortem.ports import IncidentStore, StoredFact

_PAGE = 1000
commands = typer.Typer(help="Incidents.", no_args_is_help=True)
_AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Only what was known then: a time like 2026-11-25T03:12 (UTC), or offset:123, a position of the timeline.",
    ),
]


@commands.command("list")
def list_incidents(
    status: Annotated[str | None, typer.Option(help="Only this status.")] = None,
    project: Annotated[int | None, typer.Option(min=1, max=(1 << 63) - 1, help="Only this project's.")] = None,
    environment: Annotated[str | None, typer.Option(help="Only this environment's.")] = None,
    text: Annotated[str | None, typer.Option(help="Part of the title or the culprit.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"id", "title", "status", "severity", "reason", ...}]')] = False,
) -> None:
    """List incidents, newest first, and why each was opened."""
    from premortem import bootstrap
    from premortem.ports import IncidentFilter

    if status is not None and status not in get_args(domain.Status):
        raise Malformed(f"no status {status!r}. There are: {', '.join(get_args(domain.Status))}.")
    where = IncidentFilter(
        status,  # type: ignore[arg-type]  # checked just above
        ProjectId(project) if project is not None else None,
        environment,
        text,
    )
    with bootstrap.incidents(Settings()) as store:
        page = store.find(TenantId(tenant), where, None, limit)
    found = page.incidents
    if as_json:
        print_json([_plain(incident) for incident in found])
        return
    rows = [
        (_clock(i.opened_at), i.severity, i.status, i.project_id, i.title, explain(i.decisions[0]), i.id) for i in found
    ]
    print_table(("opened (UTC)", "severity", "status", "project", "error", "why", "id"), rows, "No incidents.")
    if page.cursor:
        console().print(f"These are the newest {limit}; there are more: --limit, or a filter.")


@commands.command("show")
def show_incident(
    incident_id: Annotated[str, typer.Argument(help="The incident's id.")],
    as_of: _AsOf = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"incident", "timeline", "grouping"}')] = False,
) -> None:
    """Show one incident: what it is, each decision with its numbers, the work on it with its evidence, its timeline."""
    from premortem import bootstrap

    with bootstrap.incidents(Settings()) as store:
        incident = store.get(TenantId(tenant), IncidentId(incident_id))
        if incident is None:
            raise Malformed(f"tenant {tenant!r} has no incident {incident_id}. List them: premortem incidents list.")
        rows = all_facts(store, TenantId(tenant), incident.id)
    incident, facts = _then(incident, rows, as_of) if as_of else (incident, rows)
    grouping = _grouping(incident)
    if as_json:
        timeline = [msgspec.json.decode(fact.value) for fact in facts]
        print_json({"incident": _plain(incident), "timeline": timeline, "grouping": msgspec.to_builtins(grouping)})
        return
    out = console()
    out.print(printable(incident.title), style="bold", markup=False)
    if as_of:
        out.print(f"As of {parse_as_of(as_of)}: {len(facts)} of its {len(rows)} facts.", markup=False)
    for name, value in (
        ("status", incident.status),
        ("severity", incident.severity),
        ("owner", incident.owner or "nobody yet: premortem incidents respond ID assign --owner NAME"),
        *([("looked into", f"by {incident.acknowledged_by}")] if incident.acknowledged_by else []),
        ("culprit", incident.culprit or "unknown"),
        ("release", incident.release or "none reported"),
        ("environment", incident.environment or "none reported"),
        ("first seen", _clock(incident.first_seen)),
        ("opened", _clock(incident.opened_at)),
        ("event", incident.event_id),
        ("fingerprints", ", ".join(incident.fingerprints[:8]) + (" ..." if len(incident.fingerprints) > 8 else "")),
        ("origin", incident.origin_url or "sent by an SDK"),
    ):
        out.print(f"  {name:12} {printable(str(value))}", markup=False)
    out.print("Why")
    for decision in incident.decisions:
        for line in decision_lines(decision):
            out.print(line, markup=False)
    out.print("Grouped by")
    for line in fingerprint.explain(grouping).splitlines() if grouping else ["(the archive does not have the event)"]:
        out.print(f"  {printable(line)}", markup=False)
    told = [fact for fact in map(decode, (row.value for row in facts)) if not isinstance(fact, TimelineTicked)]
    for line in (*incident_work.work(incident, told), "Timeline", *incident_work.timeline(told)):
        out.print(printable(line), markup=False)


@commands.command("evidence")
def show_evidence(
    incident_id: Annotated[str, typer.Argument(help="The incident's id.")],
    evidence_id: Annotated[str, typer.Argument(help="As a citation names it: ev-...")],
    as_of: _AsOf = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"id", "kind", "title", "query", "parameters", "result", "hash"}')] = False,
) -> None:
    """Show one observation that the work on an incident rests on, as it was stored."""
    from premortem import bootstrap

    with bootstrap.incidents(Settings()) as store:
        facts = all_facts(store, TenantId(tenant), IncidentId(incident_id))
    if as_of:
        facts = known(facts, _moment(as_of))
    found = evidence_in([decode(row.value) for row in facts], evidence_id)
    if found is None:
        raise Malformed(f"incident {incident_id} holds no {evidence_id}. List it: premortem incidents show.")
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    out = console()
    out.print(printable(found.title), style="bold", markup=False)
    asked = ", ".join(f"{name}={value}" for name, value in found.parameters)
    rows = (("kind", found.kind), ("asked", found.query), ("with", asked), ("hash", found.hash))
    for name, value in rows:
        out.print(f"  {name:6} {printable(value)}", markup=False)
    out.print(printable(found.result), markup=False)


def all_facts(store: "IncidentStore", tenant: TenantId, incident_id: IncidentId) -> list["StoredFact"]:
    """Return the whole timeline of an incident; empty where the tenant has none of that id."""
    facts: list[StoredFact] = []
    while page := store.timeline(tenant, incident_id, facts[-1].offset if facts else -1, _PAGE):
        facts += page
    return facts


def _moment(text: str) -> AsOf:
    try:
        return parse_as_of(text)
    except ValueError as problem:
        raise Malformed(f"--as-of: {problem}") from problem


def _then(
    incident: domain.Incident, rows: Sequence["StoredFact"], as_of: str
) -> tuple[domain.Incident, list["StoredFact"]]:
    """Return the incident as it was known then, and the facts that it is made of. Malformed when it was not yet."""
    moment = _moment(as_of)
    facts = known(rows, moment)
    then = state(facts)
    if then is None:
        raise Malformed(not_yet(incident.id, rows, moment))
    return then, facts


def _grouping(incident: domain.Incident) -> fingerprint.Grouping | None:
    """Return what made the fingerprints of the incident's event; None while the archive is away or does not have it."""
    from premortem import bootstrap

    try:
        with bootstrap.evidence(Settings()) as store:
            event = store.event(incident.tenant_id, incident.project_id, EventId(incident.event_id))
    except Unavailable:
        return None
    return fingerprint.kept.of_body(event.payload) if event else None


def _plain(incident: domain.Incident) -> Any:
    return msgspec.to_builtins(incident) | {"reason": explain(incident.decisions[0])}
