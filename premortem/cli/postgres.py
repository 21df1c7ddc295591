"""PostgreSQL's own programs on the database of this machine: for backups, and for whoever wants to look."""

import os
import subprocess
from typing import Annotated

import typer

from premortem.exceptions import Malformed
from premortem.settings import Settings


def postgres(
    context: typer.Context,
    program: Annotated[str, typer.Argument(help="psql, pg_dump, pg_restore, ...; its own arguments follow.")],
) -> None:
    """Run a program of PostgreSQL on this machine's database, which is started for it alone when the stack is down."""
    from premortem.embedded.programs import postgres_programs

    with postgres_programs(Settings()) as (programs, variables):
        there_are = sorted(path.name for path in programs.iterdir())
        if program not in there_are:
            raise Malformed(f"there is no program {program!r}. There are: {', '.join(there_are)}.")
        command = [str(programs / program), *context.args]
        done = subprocess.run(command, env={**os.environ, **variables}, check=False)  # noqa: S603 -- of our own wheel
    if done.returncode:
        raise typer.Exit(1)
