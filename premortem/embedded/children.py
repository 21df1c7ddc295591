"""Which processes make up the stack on one machine, and what each waits for."""

from functools import partial
from pathlib import Path
from signal import SIGINT, SIGQUIT

from premortem.embedded import postgres_paths
from premortem.embedded.child import Child
from premortem.settings import Settings

_BEHIND_THE_GATEWAY = 5
"""Niceness of what may fall behind in a burst: what clients wait for comes first, the log keeps the rest."""
_BEHIND_THE_DATAFLOWS = 10
"""Niceness of the work on incidents, which may run a project's own tests: detection comes before it."""

_ELSEWHERE = {"topics": "kafka_brokers", "queues": "sqs_region"}
"""What is created by a command when a setting says that it is not in PostgreSQL."""


def embedded_children(settings: Settings, environment: dict[str, str], own: frozenset[str]) -> list[Child]:
    """Return the children for resolved `settings` (`stack.resolve`); all get `environment` on top of ours.

    `own` names the databases ("postgres", "clickhouse") that somebody else runs: they are migrated, but not started.
    The gateway waits for PostgreSQL alone: a dead ClickHouse must not stop ingest. The dataflows would rather begin
    with a ClickHouse that has its tables, and go on without after a while.
    """
    elsewhere = [kind for kind, setting in _ELSEWHERE.items() if getattr(settings, setting)]
    children = [
        _postgres(settings.data_dir / "postgres", settings.postgres_port),
        Child(
            name="clickhouse",
            module="premortem.embedded.clickhouse",
            args=(
                f"--path={settings.data_dir / 'clickhouse'}",
                "--host=127.0.0.1",
                f"--port={settings.clickhouse_port}",
            ),
            env=environment,
            ready=f"http://127.0.0.1:{settings.clickhouse_port}/ping",
            niceness=_BEHIND_THE_GATEWAY,
            stop_seconds=4,
        ),
        _schema("postgres", environment, own),
        _schema("clickhouse", environment, own),
        *(_creation(kind, environment) for kind in elsewhere),
        Child(
            name="api",
            module="api",
            env=environment,
            ready=f"http://{_reachable(settings.http_host)}:{settings.http_port}/health",
            after=("postgres-schema", *elsewhere),
        ),
        Child(
            name="dataflows",
            module="dataflows",
            env=environment,
            niceness=_BEHIND_THE_GATEWAY,
            settle_seconds=2,  # nothing to ask: what cannot even begin has ended by then
            after=("postgres-schema", *elsewhere),
            after_if_soon=("clickhouse-schema",),
        ),
        Child(
            name="worker",
            module="premortem.cli",
            args=("worker",),
            env=environment,
            niceness=_BEHIND_THE_DATAFLOWS,
            settle_seconds=2,
            after=("postgres-schema", *elsewhere),
            after_if_soon=("clickhouse-schema",),
        ),
    ]
    return [child for child in children if child.name not in own]


def _postgres(directory: Path, port: int) -> Child:
    """The postmaster stops on SIGINT (fast: clients are cut off), and dies on SIGQUIT (at once; see `postmaster`)."""
    return Child(
        name="postgres",
        module="premortem.embedded.postmaster",
        args=(f"--directory={directory}", f"--port={port}", "--listen=127.0.0.1"),
        ready=partial(postgres_paths.is_ready, directory),
        ready_seconds=600,  # replaying the write-ahead log after a crash must be let finish
        stop_signal=SIGINT,
        stop_seconds=4,
        death_signal=SIGQUIT,
    )


def _schema(database: str, environment: dict[str, str], own: frozenset[str]) -> Child:
    return Child(
        name=f"{database}-schema",
        module="premortem.migrate",
        args=(database,),
        env=environment,
        after=() if database in own else (database,),
        once=True,
        stop_seconds=1,
    )


def _creation(kind: str, environment: dict[str, str]) -> Child:
    return Child(name=kind, module="premortem.cli", args=(kind, "create"), env=environment, once=True, stop_seconds=1)


def _reachable(host: str) -> str:
    """Return an address to reach a listener on `host`: one that listens everywhere is asked over loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not bound here
