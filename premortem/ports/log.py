"""The log's side of the ports: clock, event log, checkpoints and task queues."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from premortem.domain.ids import TaskId
from premortem.domain.tasks import Task

Topic = Literal["sentry.events", "debugging.timeline", "sentry.payloads", "dead-letters"]
TOPICS: tuple[Topic, ...] = ("sentry.events", "debugging.timeline", "sentry.payloads", "dead-letters")
Flow = Literal["archive", "detect", "materialize", "route"]


# ---------------------------------------------------------------------------------------------------------- clock
class Clock(Protocol):
    """The only source of time; held by the gateway alone."""

    def now(self) -> int:
        """Return milliseconds since 1970 UTC; never less than an earlier answer of the same clock."""


# ------------------------------------------------------------------------------------------------------ event log
class Append(Struct, frozen=True):
    """A record to append. `partition` None = chosen from the key by `partition_of`; ticks name theirs."""

    topic: Topic
    key: str
    value: bytes
    partition: int | None = None


class Position(Struct, frozen=True, order=True):
    """Where a record stands."""

    topic: Topic
    partition: int
    offset: int


class LogRecord(Struct, frozen=True):
    """A record as read back. `recorded_at` is for operators; nothing that is stored depends on it."""

    partition: int
    offset: int
    key: str
    value: bytes
    recorded_at: int


class TopicState(Struct, frozen=True, kw_only=True):
    """A topic as administrators see it."""

    name: str
    """As the log calls it: with the prefix, or the name of the table."""
    partitions: int
    records: int
    """How many can be read."""
    retention_days: float | None
    """None = for ever."""
    replication: int
    problems: tuple[str, ...] = ()
    """What would lose data or stop a reader: a sentence each, with the mend."""


class LogReader(Protocol):
    """The reading end of an event log: all that a replay is ever given, so that none can write."""

    def partitions(self, topic: Topic) -> int:
        """Return how many partitions the topic has."""

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on, possibly none; raise OffsetLost below the low watermark."""

    def heads(self, topic: Topic) -> Sequence[int]:
        """Return, per partition, the offset that the next record will get."""

    def low_watermarks(self, topic: Topic) -> Sequence[int]:
        """Return, per partition, the lowest offset that can still be read (or the head when none can)."""


class EventLog(LogReader, Protocol):
    """An append-only log of topics, each cut into partitions that are fixed when the log is created.

    - Offsets of a partition start at 0 and have no gaps, and become visible in their order: a reader that has seen
      offset n has seen all before it, under any number of writers.
    - When `append` returns, every record survives a crash of every process. When it raises Malformed, none was
      appended; when it raises Unavailable, any of them may have been (PostgreSQL: all or none), and the caller may
      append again: a record may then stand twice; ids inside it tell.
    - The partition of a key is `adapters.event_log.partitioner.partition_of`, the same in every adapter.
    - Records of one `append` to one partition keep their order.
    """

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records durably and return where each stands, in the order given."""

    def trim(self, topic: Topic, before: int) -> int:
        """Drop records of `topic` recorded before the time `before`, whole days at most; return how many went."""


class Appender(Protocol):
    """The writing end of an event log for an event loop: what `EventLog.append` promises, without a thread."""

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records durably and return where each stands, in the order given."""

    async def close(self) -> None:
        """Let go of what is held."""


# ----------------------------------------------------------------------------------------------------- checkpoints
class Checkpoint(Struct, frozen=True):
    """How far a dataflow has come in one partition, and the state it had there."""

    next_offset: int
    state: Mapping[str, bytes]


class CheckpointStore(Protocol):
    """Positions and state of the dataflows; one transaction per save.

    A save with a lower `next_offset` than the stored one is refused with Conflict: a second, older worker is alive. So
    is one upon a position that this store has given out and that is gone: its changed parts would stand alone.
    """

    def load(self, flow: Flow, partition: int) -> Checkpoint:
        """Return the checkpoint, `next_offset` 0 and no state when there is none."""

    def save(self, flow: Flow, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
        """Store the position and the changed parts of the state (None removes a part), all or nothing."""

    def positions(self) -> Mapping[tuple[Flow, int], int]:
        """Return `next_offset` per flow and partition: the lag is the head minus this."""

    def parts(self, name: str) -> Mapping[tuple[Flow, int], bytes]:
        """Return the part `name` of every state that has one."""


# ------------------------------------------------------------------------------------------------------ task queue
class Received(Struct, frozen=True):
    """A task in the hands of a worker until its visibility timeout runs out."""

    task: Task
    receipt: str
    receive_count: int


class QueueState(Struct, frozen=True, kw_only=True):
    """A queue as administrators see it."""

    name: str
    """As the server calls it."""
    waiting: int
    """Tasks that wait or are hidden."""
    dead: int
    """Tasks in its dead-letter queue."""
    problems: tuple[str, ...] = ()
    """What would lose tasks: a sentence each, with the mend."""


class TaskQueue(Protocol):
    """Queues with SQS's words: at-least-once, visibility timeout, receive count, dead-letter queue.

    A task id is accepted once: sending it again, before or after its deletion, changes nothing. Workers bury a task
    that was received `domain.tasks.MOST_RECEIVES` times, with a fact that says so; one that comes to be received twice
    more than that moves to `<queue>-dlq` by itself.
    """

    def send(self, tasks: Sequence[Task]) -> None:
        """Make the tasks durable on their queues (`domain.tasks.QUEUES`)."""

    def forget(self, tasks: Sequence[TaskId]) -> None:
        """Accept these ids once more: the tasks went down with their queue. One that is on a queue after all is handed
        out once all the same.
        """

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out up to `limit` visible tasks, hiding each for `visibility_seconds`.

        Where there is none it waits for one, up to `wait_seconds` (0 to 20). Nothing cuts a wait short: a worker that
        has to stop within ten seconds waits for five.
        """

    def extend(self, queue: str, receipt: str, visibility_seconds: int) -> None:
        """Hide the task for `visibility_seconds` from now; Conflict when the receipt is no longer the newest."""

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Remove the tasks for good; a stale receipt removes nothing."""

    def bury(self, queue: str, received: Received) -> None:
        """Move the task to `<queue>-dlq`, where it is visible at once; a stale receipt moves nothing."""

    def depth(self, queue: str) -> int:
        """Return how many tasks wait on the queue or are hidden in it."""

    def redrive(self, queue: str, task: TaskId | None = None) -> int:
        """Move the tasks of `<queue>-dlq` that nobody holds back to `queue`, as if never received; return how many.

        All of them, or only `task`.
        """
