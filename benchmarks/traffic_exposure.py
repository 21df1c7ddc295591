"""What `Traffic` says of a project's sessions: nothing on a usual day, the factor of a surge or a dip, and how soon.

    python -m benchmarks.traffic_exposure [--days 28]

Sessions are drawn per minute with a daily season, weekends at a share, a slow wander and more variance than Poisson.
Beside each figure stands the plain ratio of the same minutes to the same minutes a week before, the usual shortcut.
"""

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from premortem.domain.detection.traffic import LAG_MINUTES, Traffic
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.project_stream import SessionsCounted

WIDTHS = (1, 5, 15, 60, 240)
DAY = 1_440
WEEK = 7 * DAY
START = 20_003 * DAY
"""A Monday."""


def sessions(rng: np.random.Generator, a_minute: float, days: int, weekend: float, wander: float) -> NDArray[np.int64]:
    """Return sessions per minute."""
    minutes = np.arange(days * DAY)
    season = np.exp(0.9 * np.cos(2 * math.pi * (minutes / DAY - 14 / 24)))
    season *= np.where(minutes // DAY % 7 >= 5, weekend, 1.0)
    rho, x = math.exp(-1 / 6), 0.0
    path = []
    for _ in range(days * 24 + 1):  # an hour's step of a wander that lasts six hours
        path.append(x)
        x = rho * x + math.sqrt(1 - rho * rho) * wander * rng.standard_normal()
    mean = a_minute * season * np.exp(np.interp(minutes / 60, np.arange(len(path)), path))
    return rng.poisson(rng.gamma(mean, 1.0))


class Fed:
    """A `Traffic` that has been told of every minute."""

    def __init__(self) -> None:
        self.traffic = Traffic()

    def add(self, minute: int, count: int) -> None:
        """Report a minute's sessions when it is over."""
        started = (START + minute) * 60_000
        if count:
            self.traffic.add(
                SessionsCounted(
                    tenant_id=TenantId("t"),
                    project_id=ProjectId(1),
                    received_at=started + 65_000,
                    started_at=started,
                    exited=int(count),
                )
            )

    def exposure(self, minute: int) -> tuple[float, ...] | None:
        """Return what is said when the minute opens."""
        return self.traffic.exposure(START + minute, WIDTHS)


def print_usual_days(days: int) -> None:
    """Print what is said when nothing happens."""
    print(
        "Nothing happens: share of minutes at exactly 1, and the 0.1 and 99.9 % quantiles | plain ratio, same quantiles"
    )
    for a_minute, weekend, wander in (
        (0.1, 0.5, 0.15),
        (1, 0.5, 0.15),
        (10, 0.3, 0.15),
        (100, 0.3, 0.1),
        (3_000, 0.5, 0.1),
    ):
        counts = sessions(np.random.default_rng(5), a_minute, days, weekend, wander)
        fed, said, plain = Fed(), [], []
        sums = np.concatenate(([0], np.cumsum(counts)))
        for minute, count in enumerate(counts):
            if minute >= 2 * WEEK and minute % 7 == 0:
                found = fed.exposure(minute)
                assert found is not None
                said.append(found)
                ends = [minute - LAG_MINUTES + 1, minute - LAG_MINUTES + 1 - WEEK]
                plain.append(
                    [
                        (sums[ends[0]] - sums[ends[0] - w] + 0.5) / (sums[ends[1]] - sums[ends[1] - w] + 0.5)
                        for w in WIDTHS
                    ]
                )
            fed.add(minute, count)
        print(f"  {a_minute:g} sessions a minute")
        for i, width in enumerate(WIDTHS):
            values, ratios = np.array(said)[:, i], np.array(plain)[:, i]
            low, high = np.quantile(values, (0.001, 0.999))
            print(
                f"    {width:3} min  {np.mean(values == 1):7.2%} {low:5.2f} {high:5.2f} | "
                f"{np.quantile(ratios, 0.001):5.2f} {np.quantile(ratios, 0.999):5.2f}"
            )


def print_changes() -> None:
    """Print what is said after a change, on the third Wednesday at 14:00 and at 03:00."""
    print(
        "A change at 14:00 (at 03:00): exposure of the 5-minute and the 60-minute window after 10 and after 60 minutes"
    )
    for a_minute in (1, 10, 100):
        for factor in (0.1, 0.5, 1.3, 2.0, 5.0):
            said = [_after(a_minute, factor, hour) for hour in (14, 3)]
            print(f"  {a_minute:>3} a minute x{factor:<4} {said[0]} ({said[1]})")


def _after(a_minute: float, factor: float, hour: int) -> str:
    at = 2 * WEEK + 2 * DAY + hour * 60
    counts = sessions(np.random.default_rng(6), a_minute, 17, 0.5, 0.1)
    fed, said = Fed(), []
    rng = np.random.default_rng(7)
    for minute in range(at + 61):
        count = counts[minute]
        if minute >= at:
            count = rng.binomial(count, factor) if factor < 1 else rng.poisson(count * factor)
        if minute in (at + 10, at + 60):
            found = fed.exposure(minute)
            assert found is not None
            said.append(f"{found[1]:.2f} {found[3]:.2f}")
        fed.add(minute, count)
    return "; ".join(said)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=28)
    print_usual_days(parser.parse_args().days)
    print_changes()


if __name__ == "__main__":
    main()
