"""Commands about notifications: who is told what happens to incidents."""

import base64
import secrets
from typing import Annotated, Literal, get_args

import typer

from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, say
from premortem.domain.tasks import Occasion

commands = typer.Typer(help="Notifications: who is told what happens to incidents.", no_args_is_help=True)

_OCCASIONS = ", ".join(get_args(Occasion))
_SECRET_BYTES = 32


@commands.command("add")
def add(
    kind: Annotated[Literal["webhook", "slack"], typer.Argument(help="A signed webhook, or a message for Slack.")],
    url: Annotated[str, typer.Argument(help="Where it is posted.")],
    project: Annotated[int | None, typer.Option(help="Only this project's incidents.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Only these occasions: {_OCCASIONS}.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"id", "secret"}')] = False,
) -> None:
    """Add a target and print the secret that signs its webhooks: the receiver needs it, and it is shown this once."""
    from premortem import bootstrap
    from premortem.domain.ids import ProjectId, TenantId
    from premortem.exceptions import Malformed
    from premortem.ports import NotificationTarget
    from premortem.settings import Settings

    if unknown := set(only or ()) - set(get_args(Occasion)):
        raise Malformed(f"there is no occasion {min(unknown)!r}. There are: {_OCCASIONS}.")
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}" if kind == "webhook" else ""
    target = NotificationTarget(
        id=0,
        tenant_id=TenantId(tenant),
        project_id=ProjectId(project) if project is not None else None,
        kind=kind,
        url=url,
        secrets=(secret,) if secret else (),
        occasions=tuple(name for name in get_args(Occasion) if name in (only or ())),
    )
    with bootstrap.notice_book(Settings()) as book:
        number = book.add_target(target)
    told = f" Its secret, shown this once: {secret}" if secret else ""
    say({"id": number, "secret": secret or None}, f"Target {number} is told from now on.{told}", as_json)


@commands.command("list")
def list_targets(
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"id", "kind", "url", "project", "only"}]')] = False,
) -> None:
    """List the targets, without their secrets."""
    from premortem import bootstrap
    from premortem.domain.ids import TenantId
    from premortem.settings import Settings

    with bootstrap.notice_book(Settings()) as book:
        found = book.targets(TenantId(tenant))
    if as_json:
        print_json(
            [{"id": t.id, "kind": t.kind, "url": t.url, "project": t.project_id, "only": t.occasions} for t in found]
        )
        return
    rows = [(t.id, t.kind, t.url, t.project_id or "every", ", ".join(t.occasions) or "all") for t in found]
    print_table(("id", "kind", "URL", "project", "told"), rows, "Nobody is told: premortem notify add slack URL")


@commands.command("remove")
def remove(
    number: Annotated[int, typer.Argument(help="The target's id.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"removed"}')] = False,
) -> None:
    """Forget a target."""
    from premortem import bootstrap
    from premortem.domain.ids import TenantId
    from premortem.settings import Settings

    with bootstrap.notice_book(Settings()) as book:
        book.remove_target(TenantId(tenant), number)
    say({"removed": number}, f"Removed target {number}.", as_json)


@commands.command("test")
def try_out(
    number: Annotated[int, typer.Argument(help="The target's id.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"told"}')] = False,
) -> None:
    """Send a target a notice, so that it is seen to arrive."""
    from premortem import bootstrap
    from premortem.domain.ids import IncidentId, ProjectId, TenantId
    from premortem.exceptions import Malformed
    from premortem.ports import Notice
    from premortem.settings import Settings

    settings = Settings()
    with bootstrap.notice_book(settings) as book:
        found = [target for target in book.targets(TenantId(tenant)) if target.id == number]
    if not found:
        raise Malformed(f"tenant {tenant} has no notification target {number}.")
    notice = Notice(
        id=secrets.token_hex(16),
        occasion="needs_you",
        tenant_id=TenantId(tenant),
        project_id=ProjectId(0),
        incident_id=IncidentId("test"),
        at=bootstrap.clock(settings).now(),
        severity="low",
        title="This is a test",
        text="Premortem can reach you.",
        url=bootstrap.public_url(settings),
    )
    bootstrap.notifier().notify(found[0], notice)
    say({"told": number}, f"Target {number} took it.", as_json)
