"""The system's clock, kept from running backwards."""

import time


class SystemClock:
    """Milliseconds since 1970 UTC by the system; a step back of the system's clock stands still here."""

    def __init__(self) -> None:
        self._latest = 0

    def now(self) -> int:
        """Return the time; never less than an earlier answer."""
        self._latest = max(self._latest, time.time_ns() // 1_000_000)
        return self._latest
