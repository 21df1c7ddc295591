"""DSNs of projects, made of the keys that the gateway takes: a disabled key would only send somebody astray."""

import secrets

from premortem import bootstrap
from premortem.cli.output import DEFAULT_TENANT
from premortem.ports import Administration, Project
from premortem.sentry import dsn
from premortem.settings import Settings


def in_use(administration: Administration, project: Project, url: str) -> list[str]:
    """Return the project's DSNs whose keys are active, oldest key first."""
    found = [administration.key(key) for key in project.keys]
    return [dsn.of(url, key.public_key, project.id) for key in found if key and key.active]


def first(settings: Settings) -> tuple[Project, str | None]:
    """Return the first project, made when there is none, and its oldest DSN in use; None when all are disabled."""
    with bootstrap.administration(settings) as administration:
        project = bootstrap.first_project(administration, DEFAULT_TENANT, secrets.token_hex(16))
        dsns = in_use(administration, project, bootstrap.public_url(settings))
    return project, dsns[0] if dsns else None
