"""Known: what is remembered of one fingerprint, for ever, and what is counted of it while it is alive."""

from collections.abc import Callable
from itertools import pairwise

from premortem.domain.detection.config import MINUTE_MS, DetectorConfig, Rates
from premortem.domain.detection.growth import QUARTER_MS
from premortem.domain.detection.novelty import Young
from premortem.domain.detection.ramp import Ramp
from premortem.domain.detection.scan import Scan
from premortem.domain.detection.users import UsersWindow

_STEPPED_MINUTES = 1_440
"""So far back, before an error's third event, is a scan let live through its minutes one by one."""
_EARLY = 2
"""Events whose minutes are kept before a scan is worth its room: most errors never come a third time."""


Exposure = Callable[[int], tuple[float, ...] | None]
"""From a minute to how many times the usual traffic each window has; None = as usual."""


class Known:
    """One fingerprint of one project. Times in ms since 1970 UTC; counts are events."""

    __slots__ = (
        "early",
        "environments",
        "first_release",
        "first_seen",
        "incident_id",
        "last_seen",
        "late",
        "people",
        "ramp",
        "scan",
        "total",
        "waiting",
        "young",
    )

    def __init__(self, first_seen: int, first_release: str | None = None) -> None:
        self.first_seen = first_seen
        self.last_seen = first_seen
        self.total = 0
        self.late = 0
        """Events too old to be counted in any window."""
        self.first_release = first_release
        self.environments = 0
        """The environments that it was seen in: bits of `Releases.bit`."""
        self.incident_id: str | None = None
        """The incident that it belonged to last."""
        self.waiting = False
        """A signal of it is held, and belongs to no incident yet."""
        self.early: list[int] = []
        """Minutes of the first events, until they become a scan."""
        self.young: Young | None = None
        """While the error is news."""
        self.scan: Scan | None = None
        self.ramp: Ramp | None = None
        self.people: UsersWindow | None = None

    @property
    def is_active(self) -> bool:
        """Return whether more is kept of it than what is kept for ever."""
        return self.scan is not None

    def see(self, at: int) -> None:
        """Note an event at this time (ms since 1970 UTC)."""
        self.total += 1
        if at > self.last_seen:
            self.last_seen = at
        elif at < self.first_seen:
            self.first_seen = at

    def count(self, bucket: int, user: str | None, of: Rates, config: DetectorConfig, exposure: Exposure) -> bool:
        """Count an event in its minute; return whether a window may fire. `exposure` is asked when a minute opens."""
        scan = self.scan
        if scan is not None and bucket - scan.level.at > of.forget_buckets:
            self.scan = self.ramp = self.people = scan = None
        if scan is None:
            self.early.append(bucket)
            if len(self.early) <= _EARLY:
                return False
            scan = self._begin(of, config)
        if user and self.people is not None:
            self.people.add(bucket, user)
        return scan.add(bucket, of, config, exposure(bucket) if bucket > scan.level.at else None)

    def _begin(self, of: Rates, config: DetectorConfig) -> Scan:
        """Make the scan, with the events before the newest in it that are not too old.

        Older ones teach the level alone: stepping through weeks for an error that comes a third time costs too much.
        """
        *before, newest = self.early
        recent = sorted(bucket for bucket in before if newest - bucket <= of.forget_buckets)
        held = [bucket for bucket in recent if newest - bucket <= _STEPPED_MINUTES] or [newest]
        scan = self.scan = Scan(held[0], of, min(held[0], self.first_seen // MINUTE_MS))
        older = [bucket for bucket in recent if bucket < held[0]]
        for bucket, following in pairwise([*older, held[0]]):
            scan.level.a += 1
            scan.level.rest(following - bucket, of)
        scan.open(of, config)
        self.ramp = Ramp((older or held)[0] * MINUTE_MS // QUARTER_MS)
        self.people = UsersWindow()
        for bucket in held[: len(recent) - len(older)]:
            scan.add(bucket, of, config)
        for bucket in (*recent, newest):
            self.ramp.add(bucket * MINUTE_MS // QUARTER_MS)
        self.early = []
        return scan
