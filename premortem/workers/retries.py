"""Retries: how long a task waits before it is tried again."""

import hashlib

from msgspec import Struct

from premortem.domain.ids import TaskId


class Retries(Struct, frozen=True):
    """The first wait in seconds, and what each further one is longer by: by default 5 s, 30 s, 3 min and 18 min, so
    that a dependency may be away for twenty minutes before a task is given up.
    """

    first_seconds: float = 5.0
    factor: float = 6.0
    longest_seconds: float = 3600.0

    def wait(self, task: TaskId, receive_count: int) -> int:
        """Return the whole seconds after the `receive_count`-th attempt: a fifth more or less for each task, so that
        those that failed together do not come back together, and always the same for the same attempt.
        """
        seconds = min(self.longest_seconds, self.first_seconds * self.factor ** max(0, receive_count - 1))
        digest = hashlib.sha256(f"{task}:{receive_count}".encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        return round(seconds * (0.8 + 0.4 * share))
