"""PostgreSQL's own programs and the way to the database of this machine: for backups, and for whoever wants to look."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from premortem.embedded import postgres_paths, stack
from premortem.embedded.postgres_binaries import wheel_programs
from premortem.exceptions import Malformed
from premortem.settings import Settings


@contextmanager
def postgres_programs(settings: Settings) -> Iterator[tuple[Path, dict[str, str]]]:
    """Lend the folder of the programs, and the variables by which they find the database, which is started for them
    alone when the stack is down. Raises Malformed when the database is one of your own.
    """
    if settings.postgres_dsn:
        raise Malformed("PREMORTEM_POSTGRES_DSN names a database of your own. Use the programs that came with it.")
    with ExitStack() as opened:
        if not stack.status(settings):
            opened.enter_context(stack.postgres_alone(settings))
        resolved = stack.resolve(settings)
        sockets = postgres_paths.socket_directory(resolved.data_dir / "postgres", resolved.postgres_port)
        names = {"PGHOST": str(sockets), "PGPORT": str(resolved.postgres_port)}
        yield wheel_programs() / "bin", names | dict.fromkeys(("PGUSER", "PGDATABASE"), "premortem")
