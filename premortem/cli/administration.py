"""Commands about projects, DSN keys, API tokens and webhooks."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Annotated, get_args

import typer

from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, say
from premortem.domain.ids import TenantId
from premortem.exceptions import Malformed
from premortem.ports import Administration, IntegrationKind, Project
from premortem.settings import Settings

projects = typer.Typer(help="Projects: what SDKs report to.", no_args_is_help=True)
keys = typer.Typer(help="DSN keys of projects.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens: what reads incidents and answers them.", no_args_is_help=True)
integrations = typer.Typer(help="Webhooks of a Sentry or of GitHub.", no_args_is_help=True)


@projects.command("create")
def create_project(
    slug: Annotated[str, typer.Argument(help="Short name: letters, digits and dashes.")],
    name: Annotated[str, typer.Option(help="Name for people; the slug when left out.")] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"id", "slug", "name", "dsns"}]')] = False,
) -> None:
    """Create a project and print its DSN."""
    from premortem import bootstrap

    settings = Settings()
    with bootstrap.administration(settings) as administration:
        project = administration.create_project(TenantId(tenant), slug, name or slug, secrets.token_hex(16))
        _print_projects(administration, [project], settings, as_json)


@projects.command("list")
def list_projects(
    tenant: Tenant = DEFAULT_TENANT, as_json: Annotated[bool, json_option('[{"id", "slug", "name", "dsns"}]')] = False
) -> None:
    """List the projects and their DSNs in use."""
    from premortem import bootstrap

    settings = Settings()
    with bootstrap.administration(settings) as administration:
        _print_projects(administration, administration.projects(TenantId(tenant)), settings, as_json)


@keys.command("create")
def create_key(
    project: Annotated[int, typer.Argument(help="The project's id.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"dsn"}')] = False,
) -> None:
    """Add a DSN key to a project (rotate: add the new one, move the SDKs, then disable the old one)."""
    from premortem import bootstrap
    from premortem.domain.ids import ProjectId
    from premortem.sentry import dsn

    settings = Settings()
    public_key = secrets.token_hex(16)
    with bootstrap.administration(settings) as administration:
        administration.create_key(TenantId(tenant), ProjectId(project), public_key)
    text = dsn.of(bootstrap.public_url(settings), public_key, project)
    say({"dsn": text}, text, as_json)


@keys.command("list")
def list_keys(
    project: Annotated[int | None, typer.Argument(help="The project's id; every project when left out.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"key", "project", "active", "events_per_minute"}]')] = False,
) -> None:
    """List the keys, also the disabled ones, and what each may send."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        owners = [p for p in administration.projects(TenantId(tenant)) if project in (None, p.id)]
        if project is not None and not owners:
            raise Malformed(f"tenant {tenant} has no project {project}. List them: premortem project list.")
        found = [key for owner in owners for key in map(administration.key, owner.keys) if key]
    if as_json:
        print_json(
            [
                {
                    "key": key.public_key,
                    "project": key.project_id,
                    "active": key.active,
                    "events_per_minute": key.events_per_minute,
                }
                for key in found
            ]
        )
        return
    rows = [
        (k.public_key, k.project_id, "active" if k.active else "disabled", k.events_per_minute or "no limit")
        for k in found
    ]
    print_table(("key", "project", "state", "events a minute"), rows, "No key yet: premortem project create my-service")


PublicKey = Annotated[str, typer.Argument(help="The key: what stands before the @ of a DSN.")]


@keys.command("disable")
def disable_key(public_key: PublicKey, as_json: Annotated[bool, json_option('{"disabled"}')] = False) -> None:
    """Refuse everything that is sent with this key from now on."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        administration.disable_key(public_key)
    say({"disabled": public_key}, "Disabled; the gateway refuses it within five seconds.", as_json)


@keys.command("limit")
def limit_key(
    public_key: PublicKey,
    events_per_minute: Annotated[int, typer.Argument(min=0, help="Events a minute; 0 = no limit.")],
    as_json: Annotated[bool, json_option('{"key", "events_per_minute"}')] = False,
) -> None:
    """Refuse this key's events once its project sent so many in a minute, by any key; SDKs are told to wait (429)."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        administration.limit_key(public_key, events_per_minute)
    told = {"key": public_key, "events_per_minute": events_per_minute}
    say(told, "Set; the gateway follows within five seconds.", as_json)


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What or whom the token is for.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"token"}')] = False,
) -> None:
    """Create an API token and print it; only its hash is kept, so it cannot be shown again."""
    from premortem import bootstrap

    if not name.strip():
        raise Malformed("a token needs a name: revoking it goes by that. Say whom it is for.")
    token = "pm_" + secrets.token_urlsafe(32)
    with bootstrap.administration(Settings()) as administration:
        administration.create_token(TenantId(tenant), name, hashlib.sha256(token.encode()).hexdigest())
    say({"token": token}, token, as_json)


@tokens.command("list")
def list_tokens(tenant: Tenant = DEFAULT_TENANT, as_json: Annotated[bool, json_option('[{"name"}]')] = False) -> None:
    """List the names of the tokens; the tokens themselves are not kept."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        names = list(administration.tokens(TenantId(tenant)))
    if as_json:
        print_json([{"name": name} for name in names])
    else:
        print_table(("name",), [(name,) for name in names], "No token yet: premortem token create me")


@tokens.command("revoke")
def revoke_token(
    name: Annotated[str, typer.Argument(help="The name it was created with.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"revoked"}')] = False,
) -> None:
    """Refuse the token from now on (every token of that name)."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        administration.revoke_token(TenantId(tenant), name)
    say({"revoked": name}, f"Revoked {name}.", as_json)


@integrations.command("create")
def create_integration(
    kind: Annotated[str, typer.Argument(help="sentry-platform, sentry-plugin, sentry-service-hook or github.")],
    project: Annotated[int, typer.Argument(help="The id of the project that what it sends belongs to.")],
    secret: Annotated[
        str, typer.Option(help="The secret that Sentry shows, or one of yours; made up when left out.")
    ] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"url", "secret"}')] = False,
) -> None:
    """Let a Sentry or GitHub send webhooks, and print the URL and the secret to set there."""
    from premortem import bootstrap
    from premortem.domain.ids import ProjectId

    kinds = get_args(IntegrationKind)
    if kind not in kinds:
        raise Malformed(f"no integration {kind!r}. There are: {', '.join(kinds)}.")
    settings, secret = Settings(), secret or secrets.token_hex(32)
    with bootstrap.administration(settings) as administration:
        administration.create_integration(TenantId(tenant), ProjectId(project), kind, secret)  # type: ignore[arg-type]
    url = f"{bootstrap.public_url(settings)}/webhooks/{'github' if kind == 'github' else 'sentry'}"
    if kind == "sentry-plugin":  # the legacy plugin signs nothing: its secret stands in the path
        url += f"/{secret}"
    say({"url": url, "secret": secret}, f"URL     {url}\nsecret  {secret}", as_json)


@integrations.command("list")
def list_integrations(
    tenant: Tenant = DEFAULT_TENANT, as_json: Annotated[bool, json_option('[{"id", "kind", "project"}]')] = False
) -> None:
    """List the integrations, without their secrets."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        found = [i for i in administration.integrations() if i.tenant_id == tenant]
    if as_json:
        print_json([{"id": i.id, "kind": i.kind, "project": i.project_id} for i in found])
    else:
        empty = "No integration yet: premortem integration create sentry-platform PROJECT"
        print_table(("id", "kind", "project"), [(i.id, i.kind, i.project_id) for i in found], empty)


def _print_projects(
    administration: Administration, found: Sequence[Project], settings: Settings, as_json: bool
) -> None:
    from premortem import bootstrap
    from premortem.cli import dsns

    url = bootstrap.public_url(settings)
    rows = [(p.id, p.slug, p.name, dsns.in_use(administration, p, url)) for p in found]
    if as_json:
        print_json([{"id": i, "slug": slug, "name": name, "dsns": in_use} for i, slug, name, in_use in rows])
        return
    shown = [(i, slug, name, " ".join(in_use)) for i, slug, name, in_use in rows]
    print_table(("id", "slug", "name", "DSN"), shown, "No project yet: premortem project create my-service")
