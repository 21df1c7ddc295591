"""Gap: the empty buckets between two events of a fingerprint, taken in by hours instead of one by one.

Equal to closing each bucket, within some millionths, while a window holds events and as long again; what it should hold
after that is taken for its width times what a bucket should (docs/detection.md, "When it closes, and what it costs").
"""

from array import array
from collections.abc import Callable
from itertools import accumulate, repeat
from math import fsum
from operator import mul, sub

from premortem.domain.detection.config import DetectorConfig, Rates
from premortem.domain.detection.level import Level
from premortem.domain.detection.stretch import Stretch
from premortem.domain.detection.windows import Windows

EndHour = Callable[[bool, Callable[[int], float], Rates, DetectorConfig], None]
"""Ends an hour: whether it taught, and what a window's closed buckets should have held."""
_FEW = 3
"""So many samples are taken one by one: a sweep over more of them costs as much."""
_LONG = 12
"""A window dozes when it is empty for as many cells as two of its widths and these."""


class Gap:
    """A level and its windows on their way over empty buckets.

    Cells are numbered since 1970. The windows' sums are what the running totals differ by; samples are taken of them
    when somebody asks for the dispersion, and at the end.
    """

    __slots__ = (
        "asleep",
        "awake",
        "config",
        "counted",
        "first",
        "fresh",
        "left",
        "level",
        "of",
        "sampled",
        "since",
        "squares",
        "start",
        "stretches",
        "to",
        "totals",
        "upto",
        "windows",
    )

    def __init__(self, level: Level, windows: Windows, to: int, of: Rates, config: DetectorConfig) -> None:
        self.level, self.windows, self.of, self.config = level, windows, of, config
        self.start, self.to = level.at, to
        cell = level.at // of.cell
        self.first = cell - len(windows.counts)
        """The cell before which the running totals are 0."""
        self.upto = list(accumulate(windows.means, initial=0.0))
        """What was expected up to the end of each closed cell,"""
        self.counted = list(accumulate(windows.counts, initial=0))
        """and what came."""
        self.fresh = level.at % of.per_hour < of.cell
        """No cell has closed since the hour began, and what the windows hold then is its most."""
        self.sampled = [cell] * len(of.buckets)
        """The cells up to which each window's samples are taken."""
        self.awake = [j for j, _ in of.sampled]
        """The windows that do not doze yet."""
        self.asleep = False
        """All doze, and nobody needs single cells."""
        self.stretches: list[Stretch] = []
        self.left, self.totals, self.squares = 1.0, 0.0, 0.0
        """What is left of the dispersion sums since the gap began, and the discounted sums of what was expected of each
        bucket, and of its square."""
        self.since: dict[int, tuple[float, float, float]] = {}
        """These sums as they were when a window began to doze, or was asked for its dispersion."""
        if of.fine:
            self.since[0] = 1.0, 0.0, 0.0

    def cross(self, end_hour: EndHour) -> None:
        """Close the buckets; `end_hour` is told of each hour's end, and may ask for totals and dispersions."""
        level, of, to = self.level, self.of, self.to
        hour, learned = of.per_hour, level.started + of.learning_buckets
        at = level.at
        while at < to:
            step = max(1, hour // 2) if level.trust or not level.is_slow(of) else hour
            following = at - at % step + step
            if at % hour == 0:
                self._begin_hour(at)
            if following > to:
                following = to
            if at < learned < following:
                following = learned
            self._pass(following)
            at = following
            if at % hour == 0:
                end_hour(True, self.total, of, self.config)
                level.settle(True, of, self.config)
            elif at == learned:
                level.settle(True, of, self.config)
        self._finish()
        level.foresee(of)

    def _begin_hour(self, at: int) -> None:
        self.fresh = True
        if at - self.start < len(self.windows.recent):
            self._note_fine(at + 1 - self.start)
        level, of = self.level, self.of
        is_long = self.to - at > _LONG * of.cell and at >= level.started + of.learning_buckets
        if is_long and not self.asleep and level.is_slow(of):
            self._let_doze(at)

    def _pass(self, to: int) -> None:
        """Close the buckets of one stretch."""
        of = self.of
        start = self.level.at
        stretch = self.level.skip(to - start, of)
        skip = of.skips[to - start]
        self.left *= skip.phi_left
        self.totals = self.totals * skip.phi_left + stretch.total * skip.phi_middle
        self.squares = self.squares * skip.phi_left + stretch.squares * skip.phi_middle
        self.stretches.append(stretch)
        if not self.asleep:
            self._close_cells(start, stretch)

    def _close_cells(self, start: int, stretch: Stretch) -> None:
        of, windows, counted, upto = self.of, self.windows, self.counted, self.upto
        count, edge = stretch.count, -start % of.cell
        if count < (edge or of.cell):
            windows.open_mean += stretch.total
            return
        if edge:
            mean = windows.open_mean + stretch.sum(0, edge)
            windows.means.append(mean)
            upto.append(upto[-1] + mean)
            counted.append(counted[-1] + windows.open_count)
            if windows.open_count:
                windows.open_count = 0
                self.fresh = True
        cells = stretch.cells(edge, of.cell)
        windows.means.extend(cells)
        upto += accumulate(cells, initial=upto.pop())
        counted += repeat(counted[-1], len(cells))
        if self.fresh:
            self.fresh = False
            self._note_wide(start // of.cell + 1)
        rest = edge + len(cells) * of.cell
        windows.open_mean = stretch.sum(rest, count) if rest < count else 0.0

    def _finish(self) -> None:
        """Put the windows where they are now."""
        of, windows = self.of, self.windows
        cell, longest = self.level.at // of.cell, len(windows.counts)
        if self.asleep:
            self._remember(cell)
        for j in self.awake:
            self._sample(j, cell)
        for j in self.since:
            self._catch_up(j)
            if j not in self.awake and of.hops[j]:
                self._wake(j, cell)
        counted, upto = self.counted, self.upto
        del windows.means[:-longest]
        windows.counts = list(map(sub, counted[-longest:], counted[-longest - 1 :]))
        for j, width in of.wide:
            windows.sums[j] = counted[-1] - counted[-1 - width]
            windows.totals[j] = upto[-1] - upto[-1 - width]
        if of.fine and windows.sums[of.fine - 1]:
            recent = windows.recent = self._recent(self.level.at - self.start)
            for j, width in of.narrow:
                windows.sums[j] = sum(recent[-width:])

    # ------------------------------------------------------------------------------------------------ what is held
    def _recent(self, passed: int) -> list[int]:
        """Return the last buckets' events once so many more buckets have passed."""
        recent = self.windows.recent
        return [*recent[passed:], *repeat(0, min(passed, len(recent)))]

    def _note_fine(self, passed: int) -> None:
        recent, largest = self._recent(passed), self.windows.largest
        for j, width in self.of.narrow:
            largest[j] = max(largest[j], sum(recent[-width:]))

    def _note_wide(self, cell: int) -> None:
        largest, counted, place = self.windows.largest, self.counted, cell - self.first
        for j, width in self.of.wide:
            largest[j] = max(largest[j], counted[place] - counted[place - width])

    # ------------------------------------------------------------------------------------------------ what is expected
    def total(self, j: int) -> float:
        """Return what window `j` should have held up to here, the end of a cell; its dispersion is up to date then."""
        of, width = self.of, self.of.cells[j]
        if j in self.since:
            self._catch_up(j)
        else:
            self._sample(j, self.level.at // of.cell)
        return self.upto[-1] - self.upto[-1 - width] if width else self.windows.means[-1] * of.buckets[j] / of.cell

    def _sample(self, j: int, to: int) -> None:
        """Take the samples of window `j` up to before a cell."""
        of, upto, counted = self.of, self.upto, self.counted
        hop, width = of.hops[j], of.cells[j]
        place = self.sampled[j] + 1
        place += -place % hop - self.first
        end = to - self.first
        self.sampled[j] = to
        dispersion = self.windows.dispersion
        while place <= end:
            held = counted[place] - counted[place - width]
            if not held and end - place > _FEW * hop:
                end += 1
                totals = map(sub, upto[place:end:hop], upto[place - width : end - width : hop])
                dispersion.take_empty(j, list(totals), of)
                return
            dispersion.take(j, held, upto[place] - upto[place - width], True, of, self.config)
            place += hop

    # ------------------------------------------------------------------------------------------------ long gaps
    def _let_doze(self, at: int) -> None:
        """Let the windows doze that are empty now, and for long: their samples count at once, and together."""
        of, awake = self.of, self.awake
        passed, left = at - self.start - of.cell, self.to - at - _LONG * of.cell
        while awake:
            j = awake[0]
            width = of.buckets[j if j < len(of.buckets) - 2 else -1]  # that of an hour is asked by each that holds some
            if self.windows.largest[j] or passed < width or left < 2 * of.buckets[j]:
                return  # nor may a wider one
            self._sample(j, at // of.cell)
            self.windows.dispersion.flush(j, of)
            self.since[j] = self.left, self.totals, self.squares
            half = of.cells[j] // 2  # what a window holds is what its middle holds, all over
            self.windows.dispersion.pass_over(j, 1.0, *self._last(half), of)
            del awake[0]
        self.asleep = True
        self.stretches.clear()

    def _catch_up(self, j: int) -> None:
        """Bring the dispersion of a dozing window up to date."""
        left, totals, squares = self.since[j]
        left = self.left / left
        totals, squares = self.totals - totals * left, self.squares - squares * left
        self.windows.dispersion.pass_over(j, left, totals, squares, self.of)
        self.since[j] = self.left, self.totals, self.squares

    def _remember(self, cell: int) -> None:
        """Make the last cells of a gap in which nobody needed any."""
        of, windows = self.of, self.windows
        rest = self.level.at % of.cell
        last = self.stretches[-1]
        windows.open_mean = last.sum(last.count - rest, last.count) if rest else 0.0
        means: list[float] = []
        while len(means) < 2 * len(windows.counts) + _LONG:
            means = self.stretches.pop().cells(0, of.cell) + means
        windows.means = array("d", means)
        self.first = cell - len(means)
        self.upto = list(accumulate(means, initial=0.0))
        self.counted = [0] * len(self.upto)

    def _last(self, cells: int) -> tuple[float, float]:
        """Return what the buckets of the last cells should have held, and the sum of the squares of that."""
        means = self.windows.means[len(self.windows.means) - cells :]
        return fsum(means), fsum(map(mul, means, means)) / self.of.cell

    def _wake(self, j: int, cell: int) -> None:
        """Let the newest samples of a window that dozed wait after all."""
        of, windows = self.of, self.windows
        hop, width, lag = of.hops[j], of.cells[j], of.lags[j]
        last = cell - cell % hop
        late, rest = cell - last + lag * hop, windows.open_mean
        total, squares = self._last(late + width // 2)
        squares += rest * rest / max(1, self.level.at % of.cell)
        windows.dispersion.take_back(j, total + rest, squares, late * of.cell + self.level.at % of.cell, of)
        for each in range(last - (lag - 1) * hop, last + 1, hop):
            place = each - self.first
            windows.dispersion.take(j, 0, self.upto[place] - self.upto[place - width], True, of, self.config)
