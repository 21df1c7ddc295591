"""`premortem doctor`: each thing that must be right, what was found, and what mends it in this installation."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from premortem.cli import checks
from premortem.cli.health import LATE_SECONDS
from premortem.embedded import stack
from premortem.exceptions import PremortemException, Unavailable, Unprepared
from premortem.settings import Settings

_START = "start the stack: premortem up; then look at: premortem logs"


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


@dataclass(frozen=True)
class Check:
    """What is looked at, and what mends it: when it does not answer (`away`), and when it is not right (`wrong`)."""

    name: str
    look: Callable[[Settings], str]
    wrong: str
    away: str = ""
    needs: tuple[str, ...] = ()
    """Checks without whose answer this one would only wait in vain."""


def examine(settings: Settings, late_seconds: float = LATE_SECONDS) -> list[Finding]:
    """Run every check; one that fails keeps no other from running, but for those that need its answer."""
    findings, away = [], set()
    for check in _checks(settings, late_seconds):
        if missing := [name for name in check.needs if name in away]:
            detail, mend = f"not looked at: it needs {', '.join(missing)}", f"mend {missing[0]} first"
            findings.append(Finding(check.name, False, detail, mend))
            continue
        try:
            findings.append(Finding(check.name, True, check.look(settings), check.wrong))
        except Exception as problem:  # noqa: BLE001 -- whatever is wrong with one thing, the others are still looked at
            is_away = isinstance(problem, Unavailable) and not isinstance(problem, Unprepared)
            if is_away:
                away.add(check.name)
            findings.append(Finding(check.name, False, _words(problem), check.away if is_away else check.wrong))
    return findings


def _words(problem: Exception) -> str:
    known = isinstance(problem, PremortemException | OSError)
    return str(problem) if known else f"{type(problem).__name__}: {problem}"


def _checks(settings: Settings, late_seconds: float) -> list[Check]:
    """Return the checks with the mends of this installation: its stores are here or elsewhere, its processes have a
    supervisor or somebody else.
    """
    places = _places(settings)
    supervised = not settings.postgres_dsn or bool(stack.status(settings))
    flows = "premortem logs dataflows" if supervised else "premortem flow-health NAME where it runs, and its own log"
    reading = "premortem logs worker" if supervised else "the log of premortem worker where it runs"
    workers = f"start one that reads them (premortem worker), or wait a minute; look at: {reading}"
    ticks = "premortem logs api" if supervised else "the gateway's own log"
    start = _START if supervised else "start the gateway (python -m api, its container, its pod)"
    log = "topics" if settings.kafka_brokers else "postgres"
    tasks = () if settings.sqs_region else ("postgres",)
    return [
        Check("python", checks.python, "use Python 3.11 or 3.12: Bytewax has no wheels for others"),
        Check(
            "gateway",
            checks.gateway,
            "mend what it names; it looks again by itself",
            f"{start}; or set PREMORTEM_PUBLIC_URL to where it is" if settings.public_url else start,
        ),
        Check("postgres", checks.postgres, "do what it says (docs/operations.md)", places["postgres"]),
        Check("clickhouse", checks.clickhouse, "do what it says (docs/operations.md)", places["clickhouse"]),
        Check("migrations", checks.migrations, "run: premortem migrate", needs=("postgres", "clickhouse")),
        Check(
            "topics",
            checks.topics,
            "run: premortem topics create; what is there is yours to change",
            places["topics"],
            () if settings.kafka_brokers else ("postgres",),
        ),
        Check("queues", checks.queues, "run: premortem queues create", places["queues"], tasks),
        Check(
            "dataflows",
            partial(checks.dataflows, late_seconds=late_seconds),
            f"start again what stands, and look at: {flows}",
            f"mend {log} first",
            ("postgres", "topics"),
        ),
        Check("workers", checks.workers, workers, places["postgres"], ("postgres",)),
        Check(
            "clock",
            checks.clock,
            f"set the machine's clock (NTP); for missing ticks look at: {ticks}",
            f"mend {log} first",
            ("postgres", "topics"),
        ),
        Check("code", checks.code, "install git where workers run, and there ask again"),
        Check("disk", checks.disk, "make room, or keep bodies for fewer days: PREMORTEM_PAYLOAD_RETENTION_DAYS"),
    ]


def _places(settings: Settings) -> Mapping[str, str]:
    """Return, for each store, what mends that it does not answer."""
    postgres = _reach("PREMORTEM_POSTGRES_DSN") if settings.postgres_dsn else _START
    amazon = "see that this machine reaches Amazon's SQS in the region of PREMORTEM_SQS_REGION"
    sqs = _reach("PREMORTEM_SQS_ENDPOINT") if settings.sqs_endpoint else amazon
    return {
        "postgres": postgres,
        "clickhouse": _reach("PREMORTEM_CLICKHOUSE_URL") if settings.clickhouse_url else _START,
        "topics": _reach("PREMORTEM_KAFKA_BROKERS") if settings.kafka_brokers else postgres,
        "queues": sqs if settings.sqs_region else postgres,
    }


def _reach(setting: str) -> str:
    return f"see that what {setting} names runs and is reached from here, and that the setting is right"
