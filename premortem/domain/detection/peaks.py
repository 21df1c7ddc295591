"""Peaks: the largest counts of a week's hours, and what a peak that recurs at this hour explains.

docs/detection.md, "Recurring peaks". Hours are hours since 1970.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from premortem.domain.detection.config import DetectorConfig

_DAYS = 7
_MOST = (1 << 32) - 1


class Peaks:
    """The largest count of each window in each hour of the last week; quiet hours are left out.

    Flat arrays: a week of objects would be most of what an active fingerprint costs.
    """

    __slots__ = ("counts", "hours")

    def __init__(self) -> None:
        self.hours = array("I")
        """Ascending."""
        self.counts = array("I")
        """For each of them, the largest count of each window."""

    def note(self, hour: int, largest: Sequence[int]) -> None:
        """Note the largest count of each window in the hour that has ended."""
        if any(largest):
            self.hours.append(hour)
            self.counts.extend([min(count, _MOST) for count in largest])

    def forget_before(self, hour: int) -> None:
        """Drop what is too old to be asked for from `hour` on."""
        oldest = hour - 24 * _DAYS - 1
        if self.hours and self.hours[0] < oldest:
            old = bisect_left(self.hours, oldest)
            width = len(self.counts) // len(self.hours)
            del self.hours[:old], self.counts[: old * width]

    def limit(self, j: int, hour: int, is_young: bool, config: DetectorConfig) -> float:
        """Return the count that a recurring peak explains in window `j`: of the largest of each of the last 7 days at
        this hour (and the hours beside it), the second largest, of a young fingerprint the largest, times the veto's
        factor, plus 2.
        """
        if not self.hours:
            return 2.0
        days = sorted([self._largest(j, hour - 24 * day) for day in range(1, _DAYS + 1)])
        return config.veto_factor * days[-1 if is_young else -2] + 2

    def _largest(self, j: int, hour: int) -> int:
        """Return the largest count of window `j` in the hour and those beside it."""
        hours = self.hours
        i, last = bisect_left(hours, hour - 1), hour + 1
        if i == len(hours) or hours[i] > last:
            return 0
        width, largest = len(self.counts) // len(hours), 0
        while i < len(hours) and hours[i] <= last:
            largest = max(largest, self.counts[i * width + j])
            i += 1
        return largest
