"""`premortem doctor`: each thing that must be right, what was found, and what mends it."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from premortem.exceptions import PremortemException
from premortem.settings import Settings

_SECONDS = 5.0
_LEAST_FREE_BYTES = 2 << 30
_CLOCK_SKEW_SECONDS = 5.0
_TICKS_MISSED = 3


@dataclass(frozen=True)
class Finding:
    """One check."""

    name: str
    healthy: bool
    detail: str
    mend: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Run every check; a check that fails never keeps another from running."""
    start = "start the stack: premortem up; then look at: premortem logs"
    checks: list[tuple[str, Callable[[Settings], str], str]] = [
        ("python", _python, "use Python 3.11 or 3.12: Bytewax has no wheels for others"),
        ("gateway", _gateway, start),
        ("postgres", _postgres, start),
        ("clickhouse", _clickhouse, start),
        ("migrations", _migrations, "run: premortem migrate"),
        ("topics", _topics, "run: premortem topics create; what is there is yours to change"),
        ("queues", _queues, "run: premortem queues create"),
        ("dataflows", _dataflows, "look at: premortem logs dataflows"),
        ("clock", _clock, "set the machine's clock (NTP); for missing ticks look at: premortem logs api"),
        ("disk", _disk, "make room, or keep bodies for fewer days: PREMORTEM_PAYLOAD_RETENTION_DAYS"),
    ]
    return [_run(name, check, settings, mend) for name, check, mend in checks]


def _run(name: str, check: Callable[[Settings], str], settings: Settings, mend: str) -> Finding:
    try:
        return Finding(name, True, check(settings), mend)
    except (PremortemException, OSError) as exception:
        return Finding(name, False, str(exception), mend)
    except Exception as exception:  # noqa: BLE001 -- whatever is wrong with one thing, the others are still looked at
        return Finding(name, False, f"{type(exception).__name__}: {exception}", mend)


def _python(_: Settings) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in ((3, 11), (3, 12)):
        raise PremortemException(f"this is Python {version}")
    return version


def _gateway(settings: Settings) -> str:
    import httpx

    from premortem import bootstrap

    try:
        answer = httpx.get(f"{bootstrap.public_url(settings)}/ready", timeout=_SECONDS)
    except httpx.HTTPError as exception:
        raise PremortemException(f"no answer: {exception}") from exception
    try:
        slow = [f"{d['name']}: {d['detail']}" for d in answer.json()["dependencies"] if not d["ready"]]
    except (ValueError, KeyError, TypeError) as exception:
        raise PremortemException(f"what listens at {bootstrap.public_url(settings)} is no Premortem") from exception
    if slow:
        raise PremortemException("; ".join(slow))
    return f"ready at {bootstrap.public_url(settings)}"


def _postgres(settings: Settings) -> str:
    from premortem import bootstrap

    return bootstrap.postgres_version(settings)


def _clickhouse(settings: Settings) -> str:
    from premortem import bootstrap

    return bootstrap.clickhouse_version(settings)


def _migrations(settings: Settings) -> str:
    from premortem import bootstrap

    pending = bootstrap.pending_migrations(settings)
    if pending:
        raise PremortemException("not applied: " + ", ".join(pending))
    return "all applied"


def _topics(settings: Settings) -> str:
    from premortem import bootstrap

    found = bootstrap.topics(settings)
    _raise_any([problem for topic in found for problem in topic.problems])
    held = sum(topic.records for topic in found)
    return f"{bootstrap.log_version(settings)}, {found[0].partitions} partitions each, {held} records"


def _queues(settings: Settings) -> str:
    from premortem import bootstrap

    found = bootstrap.queues(settings)
    _raise_any([problem for queue in found for problem in queue.problems])
    dead = sum(queue.dead for queue in found)
    return f"{len(found)} queues, {sum(queue.waiting for queue in found)} tasks wait, {dead} dead letters"


def _raise_any(problems: list[str]) -> None:
    if problems:
        raise PremortemException(" ".join(problems))


def _dataflows(settings: Settings) -> str:
    from premortem import bootstrap
    from premortem.embedded import stack

    states = {child.name: child.state for child in stack.status(settings)}
    if states.get("dataflows", "running") != "running":
        raise PremortemException(f"the process is {states['dataflows']}")
    lags = bootstrap.lags(settings)
    return ", ".join(f"{flow} {lag} behind" for flow, lag in sorted(lags.items()))


def _clock(settings: Settings) -> str:
    """Tell whether the gateway's ticks come, and whether the log is ahead of us: then a clock was set back."""
    from premortem import bootstrap

    bootstrap.clock(settings)
    due = settings.tick_seconds / bootstrap.clock_rate(settings)
    newest = bootstrap.newest_record(settings)
    if newest is None:
        raise PremortemException("no tick is on the log yet")
    age = time.time_ns() / 1e9 - newest / 1e3
    if age < -_CLOCK_SKEW_SECONDS:
        raise PremortemException(f"the log is {-age:.0f} s ahead of this machine's clock")
    if age > _TICKS_MISSED * due + _CLOCK_SKEW_SECONDS:
        raise PremortemException(f"the last record is {age:.0f} s old, and a tick is due every {due:g} s")
    return f"{settings.clock.partition(':')[0]}, a tick every {due:g} s"


def _disk(settings: Settings) -> str:
    path = settings.data_dir.absolute()
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    if free < _LEAST_FREE_BYTES:
        raise PremortemException(f"{free / 1e9:.1f} GB left for {settings.data_dir}")
    return f"{free / 1e9:.0f} GB left"
