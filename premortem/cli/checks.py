"""What `premortem doctor` looks at: each function returns what it found, and raises what is wrong."""

import shutil
import sys
import time
from collections import defaultdict

from premortem.exceptions import Conflict, OffsetLost, PremortemException, Unavailable
from premortem.ports import Flow
from premortem.settings import Settings

_SECONDS = 5.0
_LEAST_FREE_BYTES = 2 << 30
_CLOCK_SKEW_SECONDS = 5.0
_TICKS_MISSED = 3


def python(_: Settings) -> str:
    """Return Python's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in ((3, 11), (3, 12)):
        raise PremortemException(f"this is Python {version}")
    return version


def gateway(settings: Settings) -> str:
    """Ask the gateway whether it is ready; what it lacks is its own words."""
    import httpx

    from premortem import bootstrap

    url = bootstrap.public_url(settings)
    try:
        answer = httpx.get(f"{url}/ready", timeout=_SECONDS)
    except httpx.HTTPError as exception:
        raise Unavailable(f"no answer at {url}: {exception}") from exception
    try:
        slow = [f"{d['name']}: {d['detail']}" for d in answer.json()["dependencies"] if not d["ready"]]
    except (ValueError, KeyError, TypeError) as exception:
        raise Conflict(f"what listens at {url} is no Premortem. Set PREMORTEM_PUBLIC_URL.") from exception
    if slow:
        raise Conflict("; ".join(slow))
    return f"ready at {url}"


def postgres(settings: Settings) -> str:
    """Return PostgreSQL's version; one that is too old, or lets us not read for a tenant, is wrong."""
    from premortem import bootstrap

    return bootstrap.postgres_version(settings)


def clickhouse(settings: Settings) -> str:
    """Return ClickHouse's version; one that is too old is wrong."""
    from premortem import bootstrap

    return bootstrap.clickhouse_version(settings)


def migrations(settings: Settings) -> str:
    """Look for migrations that were not applied."""
    from premortem import bootstrap

    pending = bootstrap.pending_migrations(settings)
    if pending:
        raise Conflict("not applied: " + ", ".join(pending))
    return "all applied"


def topics(settings: Settings) -> str:
    """Look for what would lose records or stop a reader."""
    from premortem import bootstrap

    found = bootstrap.topics(settings)
    _raise_any([problem for topic in found for problem in topic.problems])
    held = sum(topic.records for topic in found)
    return f"{bootstrap.log_version(settings)}, {found[0].partitions} partitions each, {held} records"


def queues(settings: Settings) -> str:
    """Look for what would lose tasks."""
    from premortem import bootstrap

    found = bootstrap.queues(settings)
    _raise_any([problem for queue in found for problem in queue.problems])
    dead = sum(queue.dead for queue in found)
    return f"{len(found)} queues, {sum(queue.waiting for queue in found)} tasks wait, {dead} dead letters"


def workers(settings: Settings) -> str:
    """Look whether somebody reads every queue; workers say so themselves, wherever they run."""
    from premortem import bootstrap
    from premortem.embedded import stack

    states = {child.name: child.state for child in stack.status(settings)}
    if states.get("worker", "running") != "running":
        raise Conflict(f"the process is {states['worker']}")
    found = bootstrap.readers(settings)
    if unread := [queue for queue, count in found.items() if not count]:
        raise Conflict(f"nobody reads {', '.join(unread)}")
    return f"each of {len(found)} queues is read by {min(found.values())} or more"


def code(_: Settings) -> str:
    """Look for what work on code takes: git, and a way to shut a command in. Of this machine, which may not be the
    workers'.
    """
    from premortem import bootstrap

    return bootstrap.code_tools()


def dataflows(settings: Settings, late_seconds: float) -> str:
    """Look whether every dataflow passes the log: no record may wait for one for longer than `late_seconds`.

    The log is the judge, so it does not matter where the processes run, or who watches them.
    """
    from premortem import bootstrap
    from premortem.embedded import stack

    states = {child.name: child.state for child in stack.status(settings)}
    if states.get("dataflows", "running") != "running":
        raise Conflict(f"the process is {states['dataflows']}")
    positions = bootstrap.positions(settings)
    behind: dict[Flow, int] = dict.fromkeys(bootstrap.SOURCES, 0)
    waits: dict[Flow, float] = defaultdict(float)
    with bootstrap.event_log(settings) as log:
        for (flow, partition), (position, head) in positions.items():
            topic = bootstrap.SOURCES[flow]
            if position > head:
                raise OffsetLost(
                    f"{topic}/{partition} ends at {head}, and {flow} has read up to {position}: another log"
                )
            behind[flow] += head - position
            if position < head:
                (record,) = log.read(topic, partition, position, 1)
                waits[flow] = max(waits[flow], _age(record.recorded_at))
    _raise_any(
        [
            f"{flow} has not passed a record that was written {wait:.0f} s ago."
            for flow, wait in sorted(waits.items())
            if wait > late_seconds
        ]
    )
    return ", ".join(f"{flow} {lag} behind" for flow, lag in sorted(behind.items()))


def clock(settings: Settings) -> str:
    """Tell whether the gateway's ticks come, and whether the log is ahead of us: then a clock was set back."""
    from premortem import bootstrap

    bootstrap.clock(settings)
    due = settings.tick_seconds / bootstrap.clock_rate(settings)
    newest = bootstrap.newest_record(settings)
    if newest is None:
        raise Conflict("no tick is on the log yet")
    age = _age(newest)
    if age < -_CLOCK_SKEW_SECONDS:
        raise Conflict(f"the log is {-age:.0f} s ahead of this machine's clock")
    if age > _TICKS_MISSED * due + _CLOCK_SKEW_SECONDS:
        raise Conflict(f"the last record is {age:.0f} s old, and a tick is due every {due:g} s")
    return f"{settings.clock.partition(':')[0]}, a tick every {due:g} s"


def disk(settings: Settings) -> str:
    """Return what is free for the data directory, where something is kept in it."""
    if settings.postgres_dsn and settings.clickhouse_url:
        return "the stores are elsewhere"
    path = settings.data_dir.absolute()
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    if free < _LEAST_FREE_BYTES:
        raise Conflict(f"{free / 1e9:.1f} GB left for {settings.data_dir}")
    return f"{free / 1e9:.0f} GB left"


def _age(recorded_at: int) -> float:
    """Return how many seconds ago a record was written, by this machine's clock."""
    return time.time_ns() / 1e9 - recorded_at / 1e3


def _raise_any(problems: list[str]) -> None:
    if problems:
        raise Conflict(" ".join(problems))
