"""Dispersion: how far what each window holds is from what it should hold, as variance over mean, sampled.

docs/detection.md, "Windows". A window's residual is looked at every quarter of its width; a sample counts once the
window that it was taken of has passed by.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, repeat
from math import fsum
from operator import mul

from premortem.domain.detection.config import DetectorConfig, Rates


class Dispersion:
    """Per window: discounted sums of squared residuals and of what was expected, and the samples that wait."""

    __slots__ = ("squares", "waiting", "weights")

    def __init__(self, of: Rates) -> None:
        self.squares = [0.0] * len(of.buckets)
        self.weights = [0.0] * len(of.buckets)
        self.waiting: list[list[float]] = [[] for _ in of.buckets]
        """Square and weight of the samples that do not count yet, oldest first."""

    def phi(self, j: int, of: Rates, config: DetectorConfig) -> float:
        """Return variance over mean of window `j`'s counts: a ratio of sums, shrunk to the prior, at least 1."""
        weight = of.phi_weights[j]
        phi = (self.squares[j] + weight * config.phi_prior) / (self.weights[j] + weight)
        return phi if phi > 1.0 else 1.0

    def take_bucket(self, held: int, weight: float, of: Rates, config: DetectorConfig) -> None:
        """Take the sample of the window of one bucket: nothing waits there."""
        residual = held - weight
        square = residual * residual if residual <= of.never_capped else _capped(residual, weight, config)
        decay = of.phi_decays[0]
        self.squares[0] = self.squares[0] * decay + square
        self.weights[0] = self.weights[0] * decay + weight

    def fade(self, of: Rates) -> None:
        """Let a bucket pass that says nothing about the window of one bucket."""
        self.squares[0] *= of.phi_decays[0]
        self.weights[0] *= of.phi_decays[0]

    def take(self, j: int, held: int, weight: float, learns: bool, of: Rates, config: DetectorConfig) -> None:
        """Take a sample of window `j`: it held so much, and should have held `weight`.

        One of a window that ends while nothing is learned says nothing.
        """
        residual = held - weight
        square = residual * residual if residual <= of.never_capped else _capped(residual, weight, config)
        if not learns:
            square = weight = 0.0
        waiting, lag = self.waiting[j], of.lags[j]
        if lag:
            waiting.append(square)
            waiting.append(weight)
            if len(waiting) <= 2 * lag:
                return
            square, weight = waiting[0], waiting[1]
            del waiting[:2]
        decay = of.phi_decays[j]
        self.squares[j] = self.squares[j] * decay + square
        self.weights[j] = self.weights[j] * decay + weight

    def take_empty(self, j: int, weights: Sequence[float], of: Rates) -> None:
        """Take many samples of a window that held nothing, in one sweep.

        Sums are made by `fsum`: exactly rounded, so the same on every version of Python (the built-in is not).
        """
        waiting = self.waiting[j]
        squares = [*waiting[::2], *map(mul, weights, weights)]
        weights = [*waiting[1::2], *weights]
        old_enough = len(squares) - of.lags[j]
        if old_enough > 0:
            powers = _powers(of.phi_decays[j], old_enough)
            shrink = powers[0] * of.phi_decays[j]
            self.squares[j] = self.squares[j] * shrink + fsum(map(mul, squares, powers))
            self.weights[j] = self.weights[j] * shrink + fsum(map(mul, weights, powers))
            del squares[:old_enough], weights[:old_enough]
        waiting[:] = [each for pair in zip(squares, weights, strict=True) for each in pair]

    # ------------------------------------------------------------------------------------------------ long gaps
    def flush(self, j: int, of: Rates) -> None:
        """Let the samples that wait count at once."""
        waiting, decay = self.waiting[j], of.phi_decays[j]
        for square, weight in zip(waiting[::2], waiting[1::2], strict=True):
            self.squares[j] = self.squares[j] * decay + square
            self.weights[j] = self.weights[j] * decay + weight
        waiting.clear()

    def pass_over(self, j: int, left: float, totals: float, squares: float, of: Rates) -> None:
        """Take the samples of many empty buckets, given the discounted sums of what each of them should have held, and
        of its square: a window should hold its width times that.
        """
        width, step = of.buckets[j], of.hops[j] * of.cell or 1
        self.squares[j] = self.squares[j] * left + squares * width * width / step
        self.weights[j] = self.weights[j] * left + totals * width / step

    def take_back(self, j: int, total: float, squares: float, buckets: int, of: Rates) -> None:
        """Undo `pass_over` for the last buckets, given the sums of what they should have held."""
        width, step = of.buckets[j], of.hops[j] * of.cell or 1
        faded = math.exp(buckets * math.log(of.phi_decays[0]))
        self.squares[j] = max(0.0, self.squares[j] - squares * width * width / step) / faded
        self.weights[j] = max(0.0, self.weights[j] - total * width / step) / faded


def _capped(residual: float, weight: float, config: DetectorConfig) -> float:
    """Return the square of an upward residual, capped, so that an outbreak does not excuse the next one."""
    prior = config.phi_prior
    cap = config.residual_cap * (6 * math.sqrt(prior * weight) + 3 * prior + 0.5 * weight)
    residual = min(residual, cap)
    return residual * residual


@lru_cache(maxsize=4096)
def _powers(decay: float, count: int) -> tuple[float, ...]:
    """Return decay^(count-1), ..., decay, 1."""
    return tuple(accumulate(repeat(decay, count - 1), mul, initial=1.0))[::-1]
