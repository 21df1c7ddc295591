"""Windows: what a fingerprint's sliding windows hold, and what they should hold.

docs/detection.md, "Windows". Counts are kept by buckets as far as the fine windows reach, and by cells as far as the
widest one does; expectations, which change slowly, by cells alone.
"""

from array import array
from collections.abc import Sequence
from math import fsum

from premortem.domain.detection.config import DetectorConfig, Rates
from premortem.domain.detection.dispersion import Dispersion


class Windows:
    """The closed buckets of every window, and the dispersion of their sums."""

    __slots__ = (
        "counts",
        "dispersion",
        "largest",
        "means",
        "open_count",
        "open_mean",
        "recent",
        "sums",
        "totals",
    )

    def __init__(self, of: Rates) -> None:
        longest = of.cells[-1]
        self.recent = [0] * (of.buckets[of.fine - 1] if of.fine else 0)
        """Events of the last buckets, oldest first; a list, for at this length a queue costs more room and time."""
        self.counts = [0] * longest
        self.means = array("d", bytes(8 * longest))
        """Events of the last cells, and what they should have held, oldest first."""
        self.open_count = 0
        self.open_mean = 0.0
        """Of the open cell: what its closed buckets held, and should have held."""
        self.sums = [0] * len(of.buckets)
        """Events in each window's closed buckets, or, of those that slide by cells, closed cells."""
        self.totals = [0.0] * len(of.buckets)
        """What the closed cells of the wide windows should have held."""
        self.largest = [0] * len(of.buckets)
        """The largest sums of the hour so far."""
        self.dispersion = Dispersion(of)

    # ------------------------------------------------------------------------------------------------ closing
    def close(
        self,
        count: int,
        mean: float,
        at: int,
        learns: bool,
        exposure: Sequence[float] | None,
        of: Rates,
        config: DetectorConfig,
    ) -> None:
        """Close bucket `at` - 1, which held `count` events where `mean` were expected.

        Unless it `learns`, the sums that end here say nothing about the dispersion. `exposure`: of each window, the
        ratio that its expectation was multiplied by.
        """
        if of.fine:
            self._slide(count, of)
            if learns:
                weight = mean if exposure is None else mean * exposure[0]
                self.dispersion.take_bucket(count, weight, of, config)
            else:
                self.dispersion.fade(of)
            count += self.open_count
            mean += self.open_mean
            if at % of.cell:
                self.open_count, self.open_mean = count, mean
                return
            self.open_count, self.open_mean = 0, 0.0
        self._close_cell(count, mean, of)
        cell = at // of.cell
        for j, hop in of.sampled:
            if cell % hop:
                continue
            weight = self.totals[j] if j >= of.fine else fsum(self.means[-of.cells[j] :])
            if exposure is not None:
                weight *= exposure[j]
            self.dispersion.take(j, self.sums[j], weight, learns, of, config)

    def _slide(self, count: int, of: Rates) -> None:
        """Move the fine windows on by a bucket."""
        recent, sums, largest = self.recent, self.sums, self.largest
        if count or sums[of.fine - 1]:
            for j, width in of.narrow:
                held = sums[j] = sums[j] + count - recent[-width]
                if held > largest[j]:
                    largest[j] = held
        recent.append(count)
        del recent[0]

    def _close_cell(self, count: int, mean: float, of: Rates) -> None:
        counts, means, sums, totals, largest = self.counts, self.means, self.sums, self.totals, self.largest
        for j, width in of.wide:
            held = sums[j] = sums[j] + count - counts[-width]
            totals[j] += mean - means[-width]
            if held > largest[j]:
                largest[j] = held
        counts.append(count)
        means.append(mean)
        del counts[0], means[0]

    # ------------------------------------------------------------------------------------------------ asking
    def held(self, j: int, count: int, of: Rates) -> int:
        """Return what window `j` holds with the open bucket, in which `count` events have been."""
        if j < of.fine:
            return self.sums[j] - self.recent[-of.buckets[j]] + count
        return self.sums[j] - self.counts[-of.cells[j]] + self.open_count + count

    def total(self, j: int, at: int, mean: float, of: Rates) -> float:
        """Return what window `j` should hold when its last step ends; bucket `at` is open, and should hold `mean`."""
        if j >= of.fine:
            left = of.cell - at % of.cell
            return self.totals[j] - self.means[-of.cells[j]] + self.open_mean + mean * left
        share, whole, rest = of.parts[at % of.cell][j]
        total = mean + share * self.open_mean
        if whole:
            total += fsum(self.means[-whole:])
        return total + rest * self.means[-1 - whole] if rest else total

    def closed_total(self, j: int, of: Rates) -> float:
        """Return what the closed buckets of window `j` should have held, at the end of a cell."""
        if j >= of.fine:
            return self.totals[j]
        whole = of.cells[j]
        return fsum(self.means[-whole:]) if whole else self.means[-1] * of.buckets[j] / of.cell

    # ------------------------------------------------------------------------------------------------ late events
    def bucket(self, bucket: int, at: int, of: Rates) -> tuple[int, float] | None:
        """Return what a closed bucket held and should have held, as far back as single ones are known, else None."""
        counts = self.recent or self.counts
        if at - bucket > len(counts):
            return None
        cells_ago = at // of.cell - 1 - bucket // of.cell
        mean = self.open_mean / (at % of.cell) if cells_ago < 0 else self.means[-1 - cells_ago] / of.cell
        return counts[bucket - at], mean

    def add_late(self, bucket: int, at: int, of: Rates) -> None:
        """Add an event to a closed bucket, in the sums that still hold it."""
        ago = at - 1 - bucket
        if ago < len(self.recent):
            self.recent[-1 - ago] += 1
            self._add_to([j for j in range(of.fine) if ago < of.buckets[j]])
        cells_ago = at // of.cell - 1 - bucket // of.cell
        if cells_ago < 0:
            self.open_count += 1
        elif cells_ago < len(self.counts):
            self.counts[-1 - cells_ago] += 1
            self._add_to([j for j in range(of.fine, len(self.sums)) if cells_ago < of.cells[j]])

    def _add_to(self, windows: Sequence[int]) -> None:
        for j in windows:
            self.sums[j] += 1
            self.largest[j] = max(self.largest[j], self.sums[j])
