"""What the supervisor is told about a child, and the pure rules: when to try again, in what order to stop."""

import signal
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

BACK_OFF_SECONDS = 0.2
BACK_OFF_CAP_SECONDS = 30.0
SETTLED_SECONDS = 60.0
"""A child that lived this long after it was ready starts its back-off from the beginning."""


class Child(Struct, frozen=True, kw_only=True):
    """A process to keep alive: `python -m module args...`.

    `ready` is a URL that answers 200, or a function from the pid to a bool (fast: it runs in the supervisor's loop);
    None = ready when it has lived for `settle_seconds`. A child that is not ready after `ready_seconds` is ended and
    tried again. It starts when all of `after` are ready, and waits at most `patience_seconds` for those of
    `after_if_soon`. With `once` it is a step: ready when it exits with 0, repeated until it does.

    A child with a `niceness` above 0 yields the processor to the others when there is not enough for all.

    To stop it gets `stop_signal`, after `stop_seconds` `death_signal`, and SIGKILL a second later; `death_signal` is
    also what the kernel sends it when the supervisor dies.
    """

    name: str
    module: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    ready: str | Callable[[int], bool] | None = None
    settle_seconds: float = 0
    ready_seconds: float = 60
    after: tuple[str, ...] = ()
    after_if_soon: tuple[str, ...] = ()
    patience_seconds: float = 30
    once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 3
    death_signal: signal.Signals = signal.SIGKILL
    niceness: int = 0


def back_off(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 0.2, 0.4, ... and never more than 30."""
    return min(BACK_OFF_CAP_SECONDS, BACK_OFF_SECONDS * 2 ** min(failures - 1, 20)) if failures > 0 else 0.0


def stop_order(children: Sequence[Child]) -> list[list[Child]]:
    """Return groups to stop one after the other: each child before everything that it was started after.

    Raises ValueError when children wait for each other in a circle or for one that is not there.
    """
    left = {child.name: child for child in children}
    groups: list[list[Child]] = []
    while left:
        needed = {name for child in left.values() for name in (*child.after, *child.after_if_soon)}
        if unknown := needed - {child.name for child in children}:
            raise ValueError(f"children wait for {sorted(unknown)}, which are not there")
        group = [child for child in left.values() if child.name not in needed]
        if not group:
            raise ValueError(f"children wait for each other in a circle: {sorted(left)}")
        groups.append(group)
        for child in group:
            del left[child.name]
    return groups
