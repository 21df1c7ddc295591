"""Commands by which a person steers detection: each is a record on the log, with the time that the log tells."""

from collections.abc import Sequence
from getpass import getuser
from typing import Annotated, Any, get_args

import typer

from premortem.cli.moments import parse_duration, show_moment
from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, printable, say
from premortem.cli.resolutions import AnywayOption, check
from premortem.domain import project_stream, timeline
from premortem.domain.ids import FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.incident import Incident
from premortem.domain.project_stream import DetectorConfigured, Muted, ProjectRecord, Rule, RuleChanged
from premortem.domain.responses import Action, responded
from premortem.domain.timeline import IncidentResolved
from premortem.exceptions import Malformed
from premortem.ports import Append
from premortem.settings import Settings

rules = typer.Typer(help="Gates of a project: what opens no incident.", no_args_is_help=True)
ProjectOption = Annotated[int, typer.Option("--project", min=1, max=(1 << 63) - 1, help="The project's id.")]
_Fingerprint = Annotated[str, typer.Argument(help="A hash of the error, as `premortem incidents show` prints it.")]


@rules.command("set")
def set_rule(
    rule: Annotated[str, typer.Argument(help="minimum_events, minimum_users, sensitivity, quiet_from or quiet_until.")],
    value: Annotated[str, typer.Argument(help="A number; of quiet hours a time of day in UTC like 22:30.")],
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"rule", "value"}')] = False,
) -> None:
    """Set a gate of the project from now on."""
    record = RuleChanged(**who_says(project, tenant), rule=_rule(rule), value=_value(rule, value))
    append_records([record], {"rule": rule, "value": record.value}, f"{rule} is {value} from now on.", as_json)


@rules.command("remove")
def remove_rule(
    rule: Annotated[str, typer.Argument(help="The gate's name.")],
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"rule", "value"}')] = False,
) -> None:
    """Remove a gate of the project."""
    record = RuleChanged(**who_says(project, tenant), rule=_rule(rule), value=None)
    append_records([record], {"rule": rule, "value": None}, f"{rule} is removed.", as_json)


@rules.command("list")
def list_rules(
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"rules", "mutes", "suppressions", "detector"}')] = False,
) -> None:
    """List the project's gates, mutes and numbers of the detector, as the log tells them."""
    from premortem import bootstrap
    from replay.reading import steering

    who_says(project, tenant)
    with bootstrap.event_log(Settings()) as log:
        found = steering(log, ProjectId(project))
    if as_json:
        print_json(found)
        return
    rows = [("rule", name, value) for name, value in found["rules"].items()]
    rows += [("detector", name, value) for name, value in found["detector"].items()]
    rows += [
        ("mute", mute["fingerprint"], f"until {show_moment(mute['until'])} UTC" + _tripwire(mute["tripwire"]))
        for mute in found["mutes"]
    ]
    rows += [("suppression", each["name"], f"until {show_moment(each['until'])} UTC") for each in found["suppressions"]]
    print_table(("", "name", "value"), rows, "No gate is set: premortem rules set --help")


def mute(
    fingerprint: _Fingerprint,
    project: ProjectOption,
    for_: Annotated[str, typer.Option("--for", help="How long, like 12h or 4w.")] = "1w",
    tripwire: Annotated[
        float | None, typer.Option(min=1.0, help="Speak all the same when it comes so many times as often as now.")
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"fingerprint", "until", "tripwire"}')] = False,
) -> None:
    """Let an error open nothing for a while."""
    who = who_says(project, tenant)
    until = int(who["received_at"]) + parse_duration(for_)
    record = Muted(**who, v=2, fingerprint=_hash(fingerprint), until=until, tripwire=tripwire)
    said = f"{fingerprint} is muted until {show_moment(until)} UTC{_tripwire(tripwire)}."
    append_records([record], {"fingerprint": fingerprint, "until": until, "tripwire": tripwire}, said, as_json)


def unmute(
    fingerprint: _Fingerprint,
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"fingerprint", "until"}')] = False,
) -> None:
    """Let an error speak again."""
    who = who_says(project, tenant)
    record = Muted(**who, fingerprint=_hash(fingerprint), until=who["received_at"])
    append_records([record], {"fingerprint": fingerprint, "until": None}, f"{fingerprint} is heard again.", as_json)


def resolve(
    incident_id: Annotated[str, typer.Argument(help="The incident that is over.")],
    release: Annotated[str, typer.Option(help="The release that holds the fix; older ones only leave residue.")] = "",
    by: Annotated[str, typer.Option(help="Who says so.")] = "",
    anyway: AnywayOption = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"incident", "release", "warnings"}')] = False,
) -> None:
    """Say that an incident is over, until its errors come back; refused when nothing could open it again."""
    from premortem import bootstrap

    incident = _incident(incident_id, tenant)
    who = who_says(incident.project_id, tenant)
    at = who.pop("received_at")
    fact = IncidentResolved(
        **who,
        id=FactId(derive("fact", incident.id, "IncidentResolved", at)),
        incident_id=incident.id,
        occurred_at=at,
        v=2,
        reason="by_person",
        by=by or None,
        release=release or None,
    )
    warnings = check(incident, fact, anyway=anyway)
    with bootstrap.event_log(Settings()) as log:
        log.append([Append("debugging.timeline", fact.incident_id, timeline.encode(fact))])
    say(
        {"incident": incident.id, "release": release or None, "warnings": warnings},
        "Resolved; it is opened again when it comes back." if not warnings else "Resolved.",
        as_json,
    )


def respond(
    incident_id: Annotated[str, typer.Argument(help="The incident.")],
    action: Annotated[Action, typer.Argument(help="What you say of it.")],
    text: Annotated[str, typer.Option(help="The reason, or what is the case instead.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; your name on this machine if left out.")] = "",
    for_: Annotated[str, typer.Option("--for", help="How long a suppression holds, like 12h or 4w.")] = "",
    owner: Annotated[str, typer.Option(help="Whose it is from now on, for assign.")] = "",
    anyway: AnywayOption = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"incident", "action", "fact", "warnings"}')] = False,
) -> None:
    """Answer an incident: acknowledge or assign it, judge its cause or its fix, suppress it, or leave a note."""
    from premortem import bootstrap
    from premortem.sentry.scrub import scrub

    incident = _incident(incident_id, tenant)
    at = int(who_says(incident.project_id, tenant)["received_at"])
    said, _ = scrub({"by": printable(by or getuser()), "text": text, "owner": printable(owner)})
    until = at + parse_duration(for_) if for_ else None
    try:
        fact = responded(incident, action, **said, at=at, until=until)
    except ValueError as problem:
        words = str(problem).replace("`until`: when it ends", "an end: --for 1w").replace("`owner`", "--owner")
        raise Malformed(words) from problem
    warnings = check(incident, fact, anyway=anyway) if action == "resolve" else []
    with bootstrap.event_log(Settings()) as log:
        log.append([Append("debugging.timeline", fact.incident_id, timeline.encode(fact))])
    told: dict[str, object] = {"incident": incident.id, "action": action, "fact": fact.id, "warnings": warnings}
    say(told, "Said; its timeline shows it as soon as it is folded.", as_json)


def configure(
    name: Annotated[str, typer.Argument(help="A number of the detector: docs/detection.md names them.")],
    value: Annotated[float, typer.Argument(help="Its value from now on.")],
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"name", "value"}')] = False,
) -> None:
    """Set a number of the detector for a project; try it first: premortem backtest."""
    from premortem.domain.detection.config import LIMITS

    if name not in LIMITS:
        raise Malformed(f"the detector has no {name}. There are: {', '.join(LIMITS)}.")
    low, high = LIMITS[name]
    if not low <= value <= high:
        raise Malformed(f"{name} is between {low:g} and {high:g}.")
    record = DetectorConfigured(**who_says(project, tenant), values={name: value})
    append_records([record], {"name": name, "value": value}, f"{name} is {value:g} from now on.", as_json)


# ------------------------------------------------------------------------------------------------- reading input
def _rule(name: str) -> Any:
    if name not in get_args(Rule):
        raise Malformed(f"there is no gate {name!r}. There are: {', '.join(get_args(Rule))}.")
    return name


def _value(rule: str, text: str) -> float:
    hours, colon, minutes = text.partition(":")
    if rule.startswith("quiet_"):
        if colon and hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60:
            return int(hours) * 60.0 + int(minutes)
        raise Malformed(f"{text!r} is no time of day. Write it in UTC like 22:30.")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise Malformed(f"{text!r} is no number that a gate can have.")
    return value


def _hash(fingerprint: str) -> Fingerprint:
    if not 8 <= len(fingerprint) <= 64:
        raise Malformed(f"{fingerprint!r} is no fingerprint. premortem incidents show prints it whole.")
    return Fingerprint(fingerprint)


def _tripwire(times: float | None) -> str:
    return f", or it comes {times:g} times as often" if times is not None else ""


def _incident(incident_id: str, tenant: str) -> Incident:
    from premortem import bootstrap

    with bootstrap.incidents(Settings()) as store:
        incident = store.get(TenantId(tenant), IncidentId(incident_id))
    if incident is None:
        raise Malformed(f"tenant {tenant!r} has no incident {incident_id}. List them: premortem incidents list.")
    return incident


def who_says(project: int, tenant: str) -> dict[str, Any]:
    """Return whose record it is, and a time just after the log's newest, so that it comes behind what was set before.

    Raises Malformed when the tenant has no such project.
    """
    from premortem import bootstrap
    from replay.reading import newest

    settings = Settings()
    with bootstrap.administration(settings) as administration:
        if all(each.id != project for each in administration.projects(TenantId(tenant))):
            raise Malformed(f"tenant {tenant!r} has no project {project}. List them: premortem project list.")
    with bootstrap.event_log(settings) as log:
        at = newest(log, ProjectId(project))
    if at is None:
        raise Malformed("the log is empty, so nobody can tell the time: start the gateway. premortem up")
    return {"tenant_id": TenantId(tenant), "project_id": ProjectId(project), "received_at": at + 1}


def append_records(records: Sequence[ProjectRecord], told: dict[str, object], said: str, as_json: bool) -> None:
    """Append records to the project stream and say so."""
    from premortem import bootstrap

    with bootstrap.event_log(Settings()) as log:
        log.append(
            [Append("sentry.events", str(record.project_id), project_stream.encode(record)) for record in records]
        )
    say(told, said, as_json)
