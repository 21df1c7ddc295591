"""The book of notices in memory: for tests, and for one run."""

from collections.abc import Sequence
from threading import Lock

from msgspec.structs import replace

from premortem.adapters.notice_book.rules import check_target
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Malformed
from premortem.ports import NotificationTarget


class MemoryNoticeBook:
    """Targets and notes in dictionaries."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._targets: dict[int, NotificationTarget] = {}
        self._notes: dict[tuple[str, int], int] = {}
        self._next = 1

    def add_target(self, target: NotificationTarget) -> int:
        """Keep a target."""
        check_target(target)
        with self._lock:
            given, self._next = self._next, self._next + 1
            self._targets[given] = replace(target, id=given)
        return given

    def targets(self, tenant: TenantId, project: ProjectId | None = None) -> Sequence[NotificationTarget]:
        """Return the tenant's targets, or those of one project."""
        with self._lock:
            return [
                target
                for target in self._targets.values()
                if target.tenant_id == tenant and (project is None or target.project_id in (None, project))
            ]

    def remove_target(self, tenant: TenantId, target_id: int) -> None:
        """Forget a target."""
        with self._lock:
            target = self._targets.get(target_id)
            if target is None or target.tenant_id != tenant:
                raise Malformed(f"tenant {tenant} has no notification target {target_id}.")
            del self._targets[target_id]

    def note(self, notice_id: str, target_id: int, at: int) -> None:
        """Remember that the target was told."""
        with self._lock:
            self._notes.setdefault((notice_id, target_id), at)

    def told(self, notice_id: str, target_id: int) -> bool:
        """Tell whether it was."""
        with self._lock:
            return (notice_id, target_id) in self._notes

    def told_since(self, target_id: int, since: int) -> int:
        """Return how many it got."""
        with self._lock:
            return sum(at >= since for (_, target), at in self._notes.items() if target == target_id)
