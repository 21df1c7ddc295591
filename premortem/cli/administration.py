"""Commands about projects, DSN keys and API tokens."""

import hashlib
import secrets
from typing import Annotated

import typer

from premortem.cli.output import DEFAULT_TENANT, Json, Tenant, console, print_json, print_table
from premortem.domain.ids import TenantId
from premortem.ports import Project
from premortem.settings import Settings

projects = typer.Typer(help="Projects: what SDKs report to.", no_args_is_help=True)
keys = typer.Typer(help="DSN keys of projects.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens: what reads incidents.", no_args_is_help=True)


@projects.command("create")
def create_project(
    slug: Annotated[str, typer.Argument(help="Short name: letters, digits and dashes.")],
    name: Annotated[str, typer.Option(help="Name for people; the slug when left out.")] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Create a project and print its DSN."""
    from premortem import bootstrap

    settings = Settings()
    with bootstrap.administration(settings) as administration:
        project = administration.create_project(TenantId(tenant), slug, name or slug, secrets.token_hex(16))
    _print_projects([project], settings, as_json)


@projects.command("list")
def list_projects(tenant: Tenant = DEFAULT_TENANT, as_json: Json = False) -> None:
    """List the projects and their DSNs."""
    from premortem import bootstrap

    settings = Settings()
    with bootstrap.administration(settings) as administration:
        found = list(administration.projects(TenantId(tenant)))
    _print_projects(found, settings, as_json)


@keys.command("create")
def create_key(
    project: Annotated[int, typer.Argument(help="The project's id.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
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
    if as_json:
        print_json({"dsn": text})
    else:
        console().print(text)


@keys.command("disable")
def disable_key(public_key: Annotated[str, typer.Argument(help="The key: what stands before the @ of a DSN.")]) -> None:
    """Refuse everything that is sent with this key from now on."""
    from premortem import bootstrap

    with bootstrap.administration(Settings()) as administration:
        administration.disable_key(public_key)
    console().print("Disabled; the gateway refuses it within five seconds.")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What or whom the token is for.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Create an API token and print it; only its hash is kept, so it cannot be shown again."""
    from premortem import bootstrap

    token = "pm_" + secrets.token_urlsafe(32)
    with bootstrap.administration(Settings()) as administration:
        administration.create_token(TenantId(tenant), name, hashlib.sha256(token.encode()).hexdigest())
    if as_json:
        print_json({"token": token})
    else:
        console().print(token)


def _print_projects(found: list[Project], settings: Settings, as_json: bool) -> None:
    from premortem import bootstrap
    from premortem.sentry import dsn

    url = bootstrap.public_url(settings)
    rows = [(p.id, p.slug, p.name, [dsn.of(url, key, p.id) for key in p.keys]) for p in found]
    if as_json:
        print_json([{"id": i, "slug": slug, "name": name, "dsns": dsns} for i, slug, name, dsns in rows])
        return
    shown = [(i, slug, name, "\n".join(dsns)) for i, slug, name, dsns in rows]
    print_table(("id", "slug", "name", "DSN"), shown, "No project yet: premortem project create my-service")
