"""Administration in memory: for tests."""

from collections.abc import Sequence
from threading import Lock

from premortem.adapters.administration.rules import (
    check_key,
    check_limit,
    check_repository,
    check_secret,
    check_slug,
)
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Conflict, Malformed
from premortem.ports import Integration, IntegrationKind, Project, ProjectKey, Repository


class MemoryAdministration:
    """Lists under one lock; gone with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._projects: list[Project] = []
        self._keys: dict[str, ProjectKey] = {}
        self._tokens: dict[str, tuple[TenantId, str]] = {}
        self._integrations: list[Integration] = []
        self._repositories: dict[tuple[TenantId, ProjectId, str], Repository] = {}

    def key(self, public_key: str) -> ProjectKey | None:
        """Return the key or None."""
        return self._keys.get(public_key)

    def create_project(self, tenant: TenantId, slug: str, name: str, public_key: str) -> Project:
        """Create a project with one key."""
        check_slug(tenant)
        check_slug(slug)
        check_key(public_key)
        with self._lock:
            if any(p.tenant_id == tenant and p.slug == slug for p in self._projects) or public_key in self._keys:
                raise Conflict(f"tenant {tenant} already has a project {slug}.")
            project = Project(ProjectId(len(self._projects) + 1), tenant, slug, name, (public_key,))
            self._projects.append(project)
            self._keys[public_key] = ProjectKey(public_key, tenant, project.id, active=True, events_per_minute=0)
            return project

    def create_key(self, tenant: TenantId, project: ProjectId, public_key: str) -> None:
        """Add a key."""
        check_key(public_key)
        with self._lock:
            index = next((i for i, p in enumerate(self._projects) if (p.tenant_id, p.id) == (tenant, project)), None)
            if index is None:
                raise Malformed(f"tenant {tenant} has no project {project}.")
            found = self._projects[index]
            self._projects[index] = Project(found.id, tenant, found.slug, found.name, (*found.keys, public_key))
            self._keys[public_key] = ProjectKey(public_key, tenant, project, active=True, events_per_minute=0)

    def disable_key(self, public_key: str) -> None:
        """Refuse the key from now on."""
        with self._lock:
            key = self._keys.get(public_key)
            if key is None:
                raise Malformed("there is no such key.")
            self._keys[public_key] = ProjectKey(public_key, key.tenant_id, key.project_id, False, key.events_per_minute)

    def limit_key(self, public_key: str, events_per_minute: int) -> None:
        """Take at most so many events a minute."""
        check_limit(events_per_minute)
        with self._lock:
            key = self._keys.get(public_key)
            if key is None:
                raise Malformed("there is no such key.")
            self._keys[public_key] = ProjectKey(
                public_key, key.tenant_id, key.project_id, key.active, events_per_minute
            )

    def projects(self, tenant: TenantId) -> Sequence[Project]:
        """Return the tenant's projects."""
        return [project for project in self._projects if project.tenant_id == tenant]

    def create_token(self, tenant: TenantId, name: str, token_hash: str) -> None:
        """Store a token's hash."""
        check_slug(tenant)
        with self._lock:
            self._tokens[token_hash] = (tenant, name)

    def tenant_of_token(self, token_hash: str) -> TenantId | None:
        """Return whose token it is."""
        found = self._tokens.get(token_hash)
        return found[0] if found else None

    def tokens(self, tenant: TenantId) -> Sequence[str]:
        """Return the names of the tenant's tokens."""
        return [name for owner, name in self._tokens.values() if owner == tenant]

    def revoke_token(self, tenant: TenantId, name: str) -> None:
        """Forget every token of that name."""
        with self._lock:
            revoked = [token for token, found in self._tokens.items() if found == (tenant, name)]
            if not revoked:
                raise Malformed(f"tenant {tenant} has no token {name!r}.")
            for token in revoked:
                del self._tokens[token]

    def integrations(self) -> Sequence[Integration]:
        """Return all integrations."""
        return list(self._integrations)

    def create_integration(self, tenant: TenantId, project: ProjectId, kind: IntegrationKind, secret: str) -> None:
        """Store an integration."""
        check_secret(secret)
        with self._lock:
            if not any((p.tenant_id, p.id) == (tenant, project) for p in self._projects):
                raise Malformed(f"tenant {tenant} has no project {project}.")
            self._integrations.append(Integration(len(self._integrations) + 1, kind, tenant, project, secret))

    def add_repository(self, repository: Repository) -> None:
        """Map a repository to its project."""
        check_repository(repository)
        owner = (repository.tenant_id, repository.project_id)
        with self._lock:
            if not any((p.tenant_id, p.id) == owner for p in self._projects):
                raise Malformed(f"tenant {owner[0]} has no project {owner[1]}.")
            self._repositories[*owner, repository.name] = repository

    def repositories(self, tenant: TenantId, project: ProjectId) -> Sequence[Repository]:
        """Return the project's repositories."""
        with self._lock:
            return [self._repositories[key] for key in sorted(self._repositories) if key[:2] == (tenant, project)]

    def remove_repository(self, tenant: TenantId, project: ProjectId, name: str) -> None:
        """Forget a repository."""
        with self._lock:
            if self._repositories.pop((tenant, project, name), None) is None:
                raise Malformed(f"project {project} has no repository {name[:80]!r}.")
