"""Commands about repositories: where a project's code is."""

from typing import Annotated

import typer

from premortem.cli.output import DEFAULT_TENANT, Tenant, json_option, print_json, print_table, say
from premortem.ports import DeployedBy

commands = typer.Typer(help="Repositories: where a project's code is.", no_args_is_help=True)

_Project = Annotated[int, typer.Argument(help="The project's id.")]
_Name = Annotated[str, typer.Argument(help="owner/name, as the code host calls it.")]
_FORM = '[{"project", "name", "clone_url", "branch", "path_prefix", "deployed_by"}]'


@commands.command("add")
def add(
    project: _Project,
    name: _Name,
    clone_url: Annotated[str, typer.Argument(help="https://, ssh:// or file:///, or user@host:path.")],
    branch: Annotated[str, typer.Option(help="Where pull requests go.")] = "main",
    path_prefix: Annotated[
        str, typer.Option(help="The folder that the project's code is in, in a repository of many; empty = its root.")
    ] = "",
    deployed_by: Annotated[
        DeployedBy, typer.Option(help="What its webhooks tell that counts as a deploy of the project.")
    ] = "nothing",
    environment: Annotated[str, typer.Option(help="What a published release or a push reaches.")] = "production",
    release_prefix: Annotated[
        str, typer.Option(help="What stands before a tag or commit in the releases that events name, like shop@.")
    ] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"name"}')] = False,
) -> None:
    """Map a repository to a project, in place of one of the same name."""
    from premortem import bootstrap
    from premortem.domain.ids import ProjectId, TenantId
    from premortem.ports import Repository
    from premortem.settings import Settings

    repository = Repository(
        tenant_id=TenantId(tenant),
        project_id=ProjectId(project),
        name=name,
        clone_url=clone_url,
        branch=branch,
        path_prefix=path_prefix.strip("/"),
        deployed_by=deployed_by,
        environment=environment,
        release_prefix=release_prefix,
    )
    with bootstrap.administration(Settings()) as administration:
        administration.add_repository(repository)
    say({"name": name}, f"Added; incidents of project {project} look for their code in it.", as_json)


@commands.command("list")
def list_repositories(
    project: Annotated[int | None, typer.Argument(help="The project's id; every project when left out.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option(_FORM)] = False,
) -> None:
    """List the repositories, without what their URLs hold of a password."""
    from premortem import bootstrap
    from premortem.domain.ids import TenantId
    from premortem.settings import Settings

    with bootstrap.administration(Settings()) as administration:
        owners = [p.id for p in administration.projects(TenantId(tenant)) if project in (None, p.id)]
        found = [each for owner in owners for each in administration.repositories(TenantId(tenant), owner)]
    rows = [(r.project_id, r.name, r.shown_url(), r.branch, r.path_prefix, r.deployed_by) for r in found]
    if as_json:
        print_json(
            [dict(zip(("project", "name", "clone_url", "branch", "path_prefix", "deployed_by"), row)) for row in rows]
        )
    else:
        empty = "No repository yet: premortem repository add PROJECT owner/name URL"
        print_table(("project", "name", "clone URL", "branch", "folder", "deployed by"), rows, empty)


@commands.command("remove")
def remove(
    project: _Project,
    name: _Name,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('{"removed"}')] = False,
) -> None:
    """Forget a repository; what was found in it stays in its incidents."""
    from premortem import bootstrap
    from premortem.domain.ids import ProjectId, TenantId
    from premortem.settings import Settings

    with bootstrap.administration(Settings()) as administration:
        administration.remove_repository(TenantId(tenant), ProjectId(project), name)
    say({"removed": name}, f"Removed {name}.", as_json)
