"""Known: what is remembered of one fingerprint, for ever, and its scan while it is alive."""

from premortem.domain.detection.scan import Scan


class Known:
    """One fingerprint of one project. Times in ms since 1970 UTC; counts are events."""

    __slots__ = (
        "first_seen",
        "incident_id",
        "judged",
        "last_seen",
        "late",
        "novel_count",
        "novel_users",
        "scan",
        "total",
    )

    def __init__(self, first_seen: int) -> None:
        self.first_seen = first_seen
        self.last_seen = first_seen
        self.total = 0
        self.late = 0
        """Events too old to be counted in any window."""
        self.novel_count = 0
        """Events in the time after the first in which an error may still open as a new one."""
        self.novel_users: list[str] = []
        """The first few distinct users among them."""
        self.judged = False
        """Whether novelty is settled: it opened, or its time is over."""
        self.incident_id: str | None = None
        """The incident that was opened last."""
        self.scan: Scan | None = None
