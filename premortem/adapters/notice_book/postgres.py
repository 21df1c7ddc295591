"""The book of notices in PostgreSQL."""

from collections.abc import Sequence

from premortem.adapters.notice_book.rules import check_target
from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Malformed
from premortem.ports import NotificationTarget


class PostgresNoticeBook:
    """A row for a target, and one for each notice that it got."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def add_target(self, target: NotificationTarget) -> int:
        """Keep a target."""
        check_target(target)
        asked = {
            "tenant": target.tenant_id, "project": target.project_id, "kind": target.kind, "url": target.url,
            "secrets": list(target.secrets), "occasions": list(target.occasions),
        }  # fmt: skip
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "add_target"), asked).fetchone()
        if row is None:
            raise Malformed(f"tenant {target.tenant_id} has no project {target.project_id}.")
        return int(row[0])

    def targets(self, tenant: TenantId, project: ProjectId | None = None) -> Sequence[NotificationTarget]:
        """Return the tenant's targets, or those of one project."""
        asked = {"tenant": tenant, "project": project}
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "targets"), asked).fetchall()
        return [
            NotificationTarget(
                id=number, tenant_id=tenant, project_id=of, kind=kind, url=url, secrets=tuple(secrets),
                occasions=tuple(occasions),
            )
            for number, of, kind, url, secrets, occasions in rows
        ]  # fmt: skip

    def remove_target(self, tenant: TenantId, target_id: int) -> None:
        """Forget a target."""
        asked = {"tenant": tenant, "target": target_id}
        with connected(self._pool) as connection:
            if connection.execute(statement(__file__, "remove_target"), asked).rowcount != 1:
                raise Malformed(f"tenant {tenant} has no notification target {target_id}.")

    def note(self, notice_id: str, target_id: int, at: int) -> None:
        """Remember that the target was told."""
        asked = {"notice": notice_id, "target": target_id, "at": at}
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "note"), asked)

    def told(self, notice_id: str, target_id: int) -> bool:
        """Tell whether it was."""
        asked = {"notice": notice_id, "target": target_id}
        with connected(self._pool) as connection:
            return connection.execute(statement(__file__, "told"), asked).fetchone() is not None

    def told_since(self, target_id: int, since: int) -> int:
        """Return how many it got."""
        asked = {"target": target_id, "since": since}
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "told_since"), asked).fetchone()
        return int(row[0]) if row else 0
