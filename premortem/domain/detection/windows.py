"""Windows: what a fingerprint's sliding windows hold, what they should hold, and how far apart the two usually are.

Formulas B of the detection notes (docs/adr/0006), for the windows that slide in the same steps. A cell is one step.
"""

import math
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, chain, repeat

from premortem.domain.detection.config import DetectorConfig, Track


class Windows:
    """Sums over the last w closed cells, per window w, and the dispersion of those sums with a lag of w cells."""

    __slots__ = ("closed", "counts", "dispersion", "exposure", "largest", "means", "pending", "sums", "totals", "track")

    def __init__(self, track: Track) -> None:
        widths = track.cells
        longest = widths[-1]
        self.track = track
        self.closed = 0
        """Cells closed in this life; below w, the dispersion of window w is the prior's."""
        self.counts: deque[int] = deque([0] * longest, longest)
        self.means: deque[float] = deque([0.0] * longest, longest)
        self.sums = [0] * len(widths)
        """Events in the last w closed cells."""
        self.totals = [0.0] * len(widths)
        """Expected events in the last w closed cells."""
        self.dispersion = [0.0] * len(widths)
        self.exposure = [0.0] * len(widths)
        self.pending: list[deque[tuple[float, float]]] = [deque() for _ in widths]
        """Squared residual and expectation of the cells too young to count in the dispersion."""
        self.largest = [0] * len(widths)
        """The largest sums of the hour so far."""

    def close(self, count: int, mean: float, decay: float, config: DetectorConfig) -> None:
        """Close a cell that held `count` events where `mean` were expected."""
        counts, means = self.counts, self.means
        for i, width in enumerate(self.track.cells):
            held = self.sums[i] = self.sums[i] + count - counts[-width]
            total = self.totals[i] = self.totals[i] + mean - means[-width]
            if held > self.largest[i]:
                self.largest[i] = held
            pending = self.pending[i]
            pending.append((_squared(held, total, config), total))
            if len(pending) >= width:
                square, weight = pending.popleft()
                self.dispersion[i] = self.dispersion[i] * decay + square
                self.exposure[i] = self.exposure[i] * decay + weight
        counts.append(count)
        means.append(mean)
        self.closed += 1

    def skip(self, means: Sequence[float], decay: float, config: DetectorConfig) -> None:
        """Close a run of empty cells with these expectations: the same as closing each, in a few sweeps."""
        n = len(means)
        counts, old = list(self.counts), list(self.means)
        longest = len(counts)
        for i, width in enumerate(self.track.cells):
            leaving = chain(old[longest - width :], means)
            totals = list(accumulate((new - gone for new, gone in zip(means, leaving)), initial=self.totals[i]))[1:]
            if self.sums[i]:
                gone = chain(counts[longest - width :], repeat(0))
                sums = list(accumulate((-next(gone) for _ in range(n)), initial=self.sums[i]))[1:]
                self.largest[i] = max(self.largest[i], sums[0])
                self.sums[i] = sums[-1]
                fresh = [(_squared(held, total, config), total) for held, total in zip(sums, totals)]
            else:
                fresh = [(total * total, total) for total in totals]
            self.totals[i] = totals[-1]
            pending = self.pending[i]
            pending.extend(fresh)
            dispersion, exposure = self.dispersion[i], self.exposure[i]
            for _ in range(len(pending) - width + 1):
                square, weight = pending.popleft()
                dispersion = dispersion * decay + square
                exposure = exposure * decay + weight
            self.dispersion[i], self.exposure[i] = dispersion, exposure
        self.counts.extend(repeat(0, min(n, longest)))
        self.means.extend(means)
        self.closed += n

    def add_late(self, cells_ago: int) -> None:
        """Add an event to the cell closed `cells_ago` cells before the last one (0 = the last)."""
        self.counts[-1 - cells_ago] += 1
        for i, width in enumerate(self.track.cells):
            if cells_ago < width:
                self.sums[i] += 1
                self.largest[i] = max(self.largest[i], self.sums[i])

    def phi(self, i: int, config: DetectorConfig) -> float:
        """Return variance over mean of window `i`'s counts: a ratio of sums, shrunk to the prior, at least 1."""
        width = self.track.cells[i]
        if self.closed < width:
            return config.phi_prior
        weight = config.phi_weight_events * width
        return max(1.0, (self.dispersion[i] + weight * config.phi_prior) / (self.exposure[i] + weight))


def _squared(held: int, total: float, config: DetectorConfig) -> float:
    """Return the squared residual; an upward one is capped, so that an outbreak does not excuse the next one."""
    residual = held - total
    if residual > 0:
        prior = config.phi_prior
        cap = config.residual_cap * (6 * math.sqrt(prior * total) + 3 * prior + 0.5 * total)
        residual = min(residual, cap)
    return residual * residual
