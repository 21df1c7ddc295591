"""Administration in PostgreSQL."""

from collections.abc import Sequence

from msgspec import structs
from psycopg import errors

from premortem.adapters.administration.rules import (
    check_key,
    check_limit,
    check_repository,
    check_secret,
    check_slug,
)
from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Conflict, Malformed
from premortem.ports import Integration, IntegrationKind, Project, ProjectKey, Repository


class PostgresAdministration:
    """Plain tables, written by the command line and read by the gateway."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def key(self, public_key: str) -> ProjectKey | None:
        """Return the key or None."""
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "key"), {"public_key": public_key}).fetchone()
        return ProjectKey(*row) if row else None

    def create_project(self, tenant: TenantId, slug: str, name: str, public_key: str) -> Project:
        """Create a project with one key."""
        check_slug(tenant)
        check_slug(slug)
        check_key(public_key)
        arguments = {"tenant": tenant, "slug": slug, "name": name, "public_key": public_key}
        try:
            with connected(self._pool) as connection:
                connection.execute(statement(__file__, "create_tenant"), arguments)
                row = connection.execute(statement(__file__, "create_project"), arguments).fetchone()
        except errors.UniqueViolation as exception:
            raise Conflict(f"tenant {tenant} already has a project {slug}.") from exception
        if row is None:
            raise Conflict(f"project {slug} was not created.")
        return Project(ProjectId(row[0]), tenant, slug, name, (public_key,))

    def create_key(self, tenant: TenantId, project: ProjectId, public_key: str) -> None:
        """Add a key."""
        check_key(public_key)
        arguments = {"tenant": tenant, "project": project, "public_key": public_key}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "create_key"), arguments).rowcount != 1:
                raise Malformed(f"tenant {tenant} has no project {project}.")

    def disable_key(self, public_key: str) -> None:
        """Refuse the key from now on."""
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "disable_key"), {"public_key": public_key}).rowcount != 1:
                raise Malformed("there is no such key.")

    def limit_key(self, public_key: str, events_per_minute: int) -> None:
        """Take at most so many events a minute."""
        check_limit(events_per_minute)
        arguments = {"public_key": public_key, "events": events_per_minute}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "limit_key"), arguments).rowcount != 1:
                raise Malformed("there is no such key.")

    def projects(self, tenant: TenantId) -> Sequence[Project]:
        """Return the tenant's projects."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "projects"), {"tenant": tenant}).fetchall()
        return [Project(ProjectId(i), tenant, slug, name, tuple(keys)) for i, slug, name, keys in rows]

    def create_token(self, tenant: TenantId, name: str, token_hash: str) -> None:
        """Store a token's hash."""
        check_slug(tenant)
        arguments = {"tenant": tenant, "name": name, "token_hash": token_hash}
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "create_tenant"), arguments)
            connection.execute(statement(__file__, "create_token"), arguments)

    def tenant_of_token(self, token_hash: str) -> TenantId | None:
        """Return whose token it is."""
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "tenant_of_token"), {"token_hash": token_hash}).fetchone()
        return TenantId(row[0]) if row else None

    def tokens(self, tenant: TenantId) -> Sequence[str]:
        """Return the names of the tenant's tokens."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "tokens"), {"tenant": tenant}).fetchall()
        return [name for (name,) in rows]

    def revoke_token(self, tenant: TenantId, name: str) -> None:
        """Forget every token of that name."""
        arguments = {"tenant": tenant, "name": name}
        with connected(self._pool) as connection:
            if not connection.execute(statement(__file__, "revoke_token"), arguments).rowcount:
                raise Malformed(f"tenant {tenant} has no token {name!r}.")

    def integrations(self) -> Sequence[Integration]:
        """Return all integrations."""
        with connected(self._pool) as connection:
            return [Integration(*row) for row in connection.execute(statement(__file__, "integrations")).fetchall()]

    def create_integration(self, tenant: TenantId, project: ProjectId, kind: IntegrationKind, secret: str) -> None:
        """Store an integration."""
        check_secret(secret)
        arguments = {"tenant": tenant, "project": project, "kind": kind, "secret": secret}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "create_integration"), arguments).rowcount != 1:
                raise Malformed(f"tenant {tenant} has no project {project}.")

    def add_repository(self, repository: Repository) -> None:
        """Map a repository to its project."""
        check_repository(repository)
        tenant, project = repository.tenant_id, repository.project_id
        arguments = structs.asdict(repository) | {"tenant": tenant, "project": project}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "add_repository"), arguments).rowcount != 1:
                raise Malformed(f"tenant {tenant} has no project {project}.")

    def repositories(self, tenant: TenantId, project: ProjectId) -> Sequence[Repository]:
        """Return the project's repositories."""
        arguments = {"tenant": tenant, "project": project}
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "repositories"), arguments).fetchall()
        return [
            Repository(
                tenant_id=tenant,
                project_id=project,
                name=name,
                clone_url=url,
                branch=branch,
                path_prefix=prefix,
                deployed_by=deployed_by,
                environment=environment,
                release_prefix=release_prefix,
            )
            for name, url, branch, prefix, deployed_by, environment, release_prefix in rows
        ]

    def remove_repository(self, tenant: TenantId, project: ProjectId, name: str) -> None:
        """Forget a repository."""
        arguments = {"tenant": tenant, "project": project, "name": name.replace("\0", "")}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "remove_repository"), arguments).rowcount != 1:
                raise Malformed(f"project {project} has no repository {name[:80]!r}.")
