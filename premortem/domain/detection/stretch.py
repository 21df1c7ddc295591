"""Stretch: what each bucket of an empty run should have held, as a curve: its sums need no step for each bucket."""

from functools import lru_cache
from math import fsum

from msgspec import Struct


class Stretch(Struct, frozen=True, gc=False):
    """The expectations of `count` buckets: one by one in `stepped`, or the parabola through three of them."""

    count: int
    total: float
    """Their sum,"""
    squares: float
    """and that of their squares."""
    first: float
    middle: float
    last: float
    stepped: list[float] | None = None

    def means(self) -> list[float]:
        """Return the expectation of each bucket."""
        if self.stepped is not None:
            return self.stepped
        if self.count < 3:
            return [self.first, self.last][: self.count]
        middle, slope, bend = self._curve()
        return [middle + t * (slope + bend * t) for t in spread(self.count)]

    def _curve(self) -> tuple[float, float, float]:
        """Return the parabola's coefficients, for -1 at the first bucket and 1 at the last one."""
        return self.middle, (self.last - self.first) / 2, (self.first - 2 * self.middle + self.last) / 2

    def sum(self, start: int, end: int) -> float:
        """Return what the buckets from `start` to before `end` should have held together."""
        if self.stepped is not None or self.count < 3:
            return fsum(self.means()[start:end])
        middle, slope, bend = self._curve()
        once, twice = _moments(self.count, start, end)
        return (end - start) * middle + slope * once + bend * twice

    def cells(self, start: int, stride: int) -> list[float]:
        """Return the sums of the whole cells of `stride` buckets from `start` on."""
        n = self.count
        if self.stepped is not None or n < 3:
            means = self.means()
            return [fsum(means[j : j + stride]) for j in range(start, n - stride + 1, stride)]
        middle, slope, bend = self._curve()
        middle = middle * stride + bend * _inner(n, stride)
        slope, bend = slope * stride, bend * stride
        return [middle + t * (slope + bend * t) for t in _centres(n, start, stride)]


@lru_cache(maxsize=256)
def spread(n: int) -> tuple[float, ...]:
    """Return n equally spaced numbers from -1 to 1."""
    h = (n - 1) / 2
    return tuple((j - h) / h for j in range(n))


@lru_cache(maxsize=8192)
def _moments(n: int, start: int, end: int) -> tuple[float, float]:
    """Return the sums of the numbers of `spread` from `start` to before `end`, and of their squares."""
    part = spread(n)[start:end]
    return fsum(part), fsum(t * t for t in part)


@lru_cache(maxsize=2048)
def _centres(n: int, start: int, stride: int) -> tuple[float, ...]:
    """Return the middles of the cells of `stride` numbers of `spread`, from `start` on."""
    h = (n - 1) / 2
    return tuple((j + (stride - 1) / 2 - h) / h for j in range(start, n - stride + 1, stride))


@lru_cache(maxsize=256)
def _inner(n: int, stride: int) -> float:
    """Return the sum, over a cell's numbers of `spread`, of the squared distances from its middle."""
    h, centre = (n - 1) / 2, (stride - 1) / 2
    return fsum(((j - centre) / h) ** 2 for j in range(stride))
