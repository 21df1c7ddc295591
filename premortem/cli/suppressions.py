"""Commands about suppression: rules under which incidents are closed as they open, and say so."""

from getpass import getuser
from typing import Annotated

import typer

from premortem.cli.moments import parse_duration, show_moment
from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, printable
from premortem.cli.steering import ProjectOption, append_records, who_says
from premortem.domain.ids import Fingerprint, ProjectId
from premortem.domain.project_stream import SuppressionChanged
from premortem.exceptions import Malformed
from premortem.settings import Settings

commands = typer.Typer(help="Suppression: what is known and not to be worked on.", no_args_is_help=True)
_Name = Annotated[str, typer.Argument(help="The rule's name; an incident that it suppressed says it.")]
_LONGEST = 200


@commands.command("add")
def add(
    name: _Name,
    project: ProjectOption,
    reason: Annotated[str, typer.Option(help="Why.")],
    title: Annotated[str, typer.Option(help="Errors whose title is like this; * stands for any text.")] = "",
    fingerprint: Annotated[str, typer.Option(help="One error, by a hash of it.")] = "",
    release: Annotated[str, typer.Option(help="Errors of this release.")] = "",
    environment: Annotated[str, typer.Option(help="Errors of this environment.")] = "",
    tag: Annotated[str, typer.Option(help="Errors with this tag, as name=value.")] = "",
    for_: Annotated[str, typer.Option("--for", help="How long, like 12h or 4w.")] = "4w",
    tripwire: Annotated[
        float, typer.Option(min=1.0, help="An error that comes so many times as often as expected breaks through.")
    ] = 10.0,
    owner: Annotated[str, typer.Option(help="Whose rule it is; your name on this machine if left out.")] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"name", "until"}')] = False,
) -> None:
    """Suppress incidents that match all that is named, from now on; in place of a rule of the same name."""
    from premortem.sentry.scrub import scrub

    if not (title or fingerprint or release or environment or tag):
        raise Malformed("what is to be suppressed? Name it: --title, --fingerprint, --release, --environment or --tag.")
    if not reason.strip():
        raise Malformed("why? Say it: --reason.")
    who = who_says(project, tenant)
    until = int(who["received_at"]) + parse_duration(for_)
    said, _ = scrub({"reason": reason[:_LONGEST], "owner": printable(owner or getuser())[:_LONGEST]})
    record = SuppressionChanged(
        **who,
        **said,
        name=_checked(name),
        until=until,
        fingerprint=Fingerprint(fingerprint) if fingerprint else None,
        title=title[:_LONGEST],
        release=release,
        environment=environment,
        tripwire=tripwire,
        tag=tag[:_LONGEST],
        tag_hash=_tag_hash(tag) if tag else "",
        v=2,
    )
    told = f"{name} suppresses until {show_moment(until)} UTC, or until an error comes {tripwire:g} times as often."
    append_records([record], {"name": name, "until": until}, told, as_json)


@commands.command("list")
def list_suppressions(
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"name", "owner", "reason", "until", ...}]')] = False,
) -> None:
    """List the rules that hold, as the log tells them."""
    from premortem import bootstrap
    from replay.reading import steering

    who_says(project, tenant)
    with bootstrap.event_log(Settings()) as log:
        found = steering(log, ProjectId(project))["suppressions"]
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], _matched(each), each["reason"], each["owner"], show_moment(each["until"])) for each in found]
    empty = "Nothing is suppressed: premortem suppress add --help"
    print_table(("name", "what", "why", "owner", "until (UTC)"), rows, empty)


@commands.command("remove")
def remove(
    name: _Name,
    project: ProjectOption,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"name", "until"}')] = False,
) -> None:
    """End a rule; what goes on is opened again."""
    from premortem import bootstrap
    from replay.reading import steering

    who = who_says(project, tenant)
    with bootstrap.event_log(Settings()) as log:
        known = {each["name"] for each in steering(log, ProjectId(project))["suppressions"]}
    if name not in known:
        raise Malformed(f"project {project} has no rule {name!r}. There are: {', '.join(sorted(known)) or 'none'}.")
    record = SuppressionChanged(**who, name=name, until=0, owner="", reason="")
    append_records([record], {"name": name, "until": None}, f"{name} suppresses nothing more.", as_json)


def _checked(name: str) -> str:
    if not name.strip() or len(name) > 64 or printable(name) != name:
        raise Malformed("a rule's name is a plain text of at most 64 letters.")
    return name


def _tag_hash(tag: str) -> str:
    """Return what stands for the tag on the log: written as ingest writes it, or it would match nothing."""
    from premortem import bootstrap
    from premortem.sentry.event_payload import tag_hash
    from premortem.sentry.event_payload.text import tags
    from premortem.sentry.scrub import scrub

    name, _, value = tag.partition("=")
    salt = bootstrap.salt(Settings(), make=False)
    scrubbed, _ = scrub({"tags": {name: value}}, salt=salt)
    found = tags(scrubbed["tags"])
    if not found:
        raise Malformed(f"{tag!r} is no tag. Write it as name=value, like browser=curl.")
    return tag_hash(found[0][0], found[0][1], salt)


def _matched(rule: dict[str, object]) -> str:
    return ", ".join(
        f"{what} {rule[what]}" for what in ("title", "fingerprint", "release", "environment", "tag") if rule[what]
    )
