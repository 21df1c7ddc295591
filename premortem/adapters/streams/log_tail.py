"""The end of the log, watched once for all readers of a process, so that idle dataflows cost next to nothing."""

import time
from collections.abc import Callable, Sequence
from threading import Lock

from premortem.ports import EventLog, Topic

_GROWTH = 1.25


class LogTail:
    """Knows the heads of topics, at most `interval(topic)` seconds old; thread-safe.

    A topic that grows is looked at every `shortest` seconds; one that rests ever less often, down to every `longest`.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        shortest: float = 0.025,
        longest: float = 0.1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._shortest, self._longest, self._monotonic = log, shortest, longest, monotonic
        self._lock = Lock()
        self._seen: dict[Topic, tuple[Sequence[int], float, float]] = {}

    def head(self, topic: Topic, partition: int) -> int:
        """Return the offset behind the newest record; raises what the log raises."""
        with self._lock:
            now = self._monotonic()
            heads, due, interval = self._seen.get(topic, ((), now, self._shortest))
            if now >= due:
                fresh = self._log.heads(topic)
                interval = self._shortest if fresh != heads else min(self._longest, interval * _GROWTH)
                heads = fresh
                self._seen[topic] = heads, self._monotonic() + interval, interval
            return heads[partition]

    def interval(self, topic: Topic) -> float:
        """Return how many seconds may pass until the head is looked at again."""
        _, _, interval = self._seen.get(topic, ((), 0.0, self._shortest))
        return interval
