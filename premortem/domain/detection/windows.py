"""Windows: what a fingerprint's sliding windows hold, what they should hold, and how far apart the two usually are.

docs/detection.md, "Windows", for the windows that slide in the same steps. A cell is one step.
"""

import math
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, chain, repeat
from math import fsum
from operator import mul, sub

from premortem.domain.detection.config import DetectorConfig, Rates, Track


class Windows:
    """Sums over the last w closed cells, per window w, and the dispersion of those sums with a lag of w cells."""

    __slots__ = (
        "closed",
        "counts",
        "dispersion",
        "exposure",
        "largest",
        "means",
        "open_count",
        "open_mean",
        "squares",
        "sums",
        "totals",
        "track",
        "weights",
    )

    def __init__(self, track: Track) -> None:
        widths = track.cells
        longest = widths[-1]
        self.track = track
        self.closed = 0
        """Cells closed in this life; below w, the dispersion of window w is the prior's."""
        self.counts = [0] * longest
        """Of the last cells, oldest first; lists, because at these lengths a queue costs more room and time."""
        self.means = [0.0] * longest
        self.sums = [0] * len(widths)
        """Events in the last w closed cells."""
        self.totals = [0.0] * len(widths)
        """Expected events in the last w closed cells."""
        self.dispersion = [0.0] * len(widths)
        self.exposure = [0.0] * len(widths)
        self.squares = [array("d") for _ in widths]
        self.weights = [array("d") for _ in widths]
        """Squared residual and expectation of the cells too young to count in the dispersion, oldest first."""
        self.largest = [0] * len(widths)
        """The largest sums of the hour so far."""
        self.open_count = 0
        self.open_mean = 0.0
        """Of the open cell: what its closed buckets held, and should have held."""

    def add(
        self,
        count: int,
        mean: float,
        next_at: int,
        decay: float,
        config: DetectorConfig,
        learns: bool,
        exposure: Sequence[float] | None,
    ) -> None:
        """Take in the bucket before `next_at`, as `close` takes a cell, and close its cell if it ends there."""
        if self.track.stride > 1:
            count = self.open_count = self.open_count + count
            mean = self.open_mean = self.open_mean + mean
            if next_at % self.track.stride:
                return
            self.open_count = 0
            self.open_mean = 0.0
        self.close(count, mean, decay, config, learns, exposure)

    def skip_buckets(self, start: int, means: Sequence[float], decay: float, config: DetectorConfig) -> None:
        """Take in a run of empty buckets from `start` on."""
        stride = self.track.stride
        if stride == 1:
            self.skip(means, decay, config)
            return
        edge = stride - start % stride
        if edge > len(means):
            self.open_mean += fsum(means)
            return
        self.close(self.open_count, self.open_mean + fsum(means[:edge]), decay, config)
        self.open_count = 0
        cells = [fsum(means[j : j + stride]) for j in range(edge, len(means) - stride + 1, stride)]
        if cells:
            self.skip(cells, decay, config)
        self.open_mean = fsum(means[edge + len(cells) * stride :])

    def close(
        self,
        count: int,
        mean: float,
        decay: float,
        config: DetectorConfig,
        learns: bool = True,
        exposure: Sequence[float] | None = None,
    ) -> None:
        """Close a cell that held `count` events where `mean` were expected.

        Unless it `learns`, the sums that end here say nothing about the dispersion. `exposure`: of each window, the
        ratio that its expectation was multiplied by.
        """
        counts, means, sums, totals, largest = self.counts, self.means, self.sums, self.totals, self.largest
        never_capped = 3 * config.residual_cap * config.phi_prior  # whatever is expected, the cap is no less
        for i, width in enumerate(self.track.cells):
            held = sums[i] = sums[i] + count - counts[-width]
            total = totals[i] = totals[i] + mean - means[-width]
            if held > largest[i]:
                largest[i] = held
            if learns:
                weight = total if exposure is None else total * exposure[i]
                residual = held - weight
                square = residual * residual if residual <= never_capped else _squared(held, weight, config)
            else:
                square = weight = 0.0
            if width > 1:
                squares, weights = self.squares[i], self.weights[i]
                squares.append(square)
                weights.append(weight)
                if len(squares) < width:
                    continue
                square, weight = squares.pop(0), weights.pop(0)
            self.dispersion[i] = self.dispersion[i] * decay + square
            self.exposure[i] = self.exposure[i] * decay + weight
        counts.append(count)
        means.append(mean)
        del counts[0], means[0]
        self.closed += 1

    def skip(self, means: Sequence[float], decay: float, config: DetectorConfig) -> None:
        """Close a run of empty cells with these expectations: the same as closing each, in a few sweeps.

        Sums are made by `fsum`: exactly rounded, so the same on every version of Python (the built-in is not).
        """
        n = len(means)
        counts, old = self.counts, self.means
        longest = len(counts)
        for i, width in enumerate(self.track.cells):
            leaving = chain(old[longest - width :], means)
            totals = list(accumulate(map(sub, means, leaving), initial=self.totals[i]))
            del totals[0]
            if self.sums[i]:
                sums = list(accumulate((counts[longest - width :] + [0] * n)[:n], sub, initial=self.sums[i]))
                del sums[0]
                self.largest[i] = max(self.largest[i], sums[0])
                self.sums[i] = sums[-1]
                squares = [_squared(held, total, config) for held, total in zip(sums, totals, strict=True)]
            else:
                squares = list(map(mul, totals, totals))
            self.totals[i] = totals[-1]
            self._count_in(i, width, squares, totals, decay)
        self.counts = [*counts[n:], *repeat(0, min(n, longest))]
        self.means = [*old, *means][-longest:]
        self.closed += n

    def _count_in(self, i: int, width: int, squares: list[float], weights: list[float], decay: float) -> None:
        """Add squared residuals and their weights to the dispersion; the youngest stay pending."""
        squares, weights = [*self.squares[i], *squares], [*self.weights[i], *weights]
        old_enough = len(squares) - width + 1
        if old_enough > 0:
            powers = _powers(decay, old_enough)
            shrink = powers[0] * decay
            self.dispersion[i] = self.dispersion[i] * shrink + fsum(map(mul, squares, powers))
            self.exposure[i] = self.exposure[i] * shrink + fsum(map(mul, weights, powers))
            del squares[:old_enough], weights[:old_enough]
        self.squares[i], self.weights[i] = array("d", squares), array("d", weights)

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


@lru_cache(maxsize=4096)
def _powers(decay: float, count: int) -> tuple[float, ...]:
    """Return decay^(count-1), ..., decay, 1."""
    return tuple(accumulate(repeat(decay, count - 1), mul, initial=1.0))[::-1]


def _squared(held: int, total: float, config: DetectorConfig) -> float:
    """Return the squared residual; an upward one is capped, so that an outbreak does not excuse the next one."""
    residual = held - total
    if residual > 0:
        prior = config.phi_prior
        cap = config.residual_cap * (6 * math.sqrt(prior * total) + 3 * prior + 0.5 * total)
        residual = min(residual, cap)
    return residual * residual


def place(k: int, of: Rates) -> int:
    """Return the number of windows before those of track `k`."""
    return sum(len(track.cells) for track in of.tracks[:k])
