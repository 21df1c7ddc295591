"""Peaks: the largest counts of a week's hours, and what a peak that recurs at this hour explains.

docs/detection.md, "Recurring peaks". Hours are hours since 1970.
"""

from collections.abc import Sequence

from premortem.domain.detection.config import DetectorConfig

_DAYS = 7


class Peaks:
    """The largest count of each window in each hour of the last week; quiet hours are left out."""

    __slots__ = ("hours",)

    def __init__(self) -> None:
        self.hours: dict[int, tuple[int, ...]] = {}

    def note(self, hour: int, largest: Sequence[int]) -> None:
        """Note the largest count of each window in the hour that has ended."""
        if any(largest):
            self.hours[hour] = tuple(largest)

    def forget_before(self, hour: int) -> None:
        """Drop what is too old to be asked for from `hour` on."""
        oldest = hour - 24 * _DAYS - 1
        while self.hours and (first := next(iter(self.hours))) < oldest:
            del self.hours[first]

    def limit(self, j: int, hour: int, is_young: bool, config: DetectorConfig) -> float:
        """Return the count that a recurring peak explains in window `j`: of the largest of each of the last 7 days at
        this hour (and the hours beside it), the second largest, of a young fingerprint the largest, times the veto's
        factor, plus 2.
        """
        if not self.hours:
            return 2.0
        nothing = (0,) * (j + 1)
        days = sorted(
            max(self.hours.get(hour - 24 * day + beside, nothing)[j] for beside in (-1, 0, 1))
            for day in range(1, _DAYS + 1)
        )
        return config.veto_factor * days[-1 if is_young else -2] + 2
