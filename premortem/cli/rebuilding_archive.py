"""`premortem rebuild archive`: the tables of ClickHouse, and what the log still holds of their rows."""

from typing import Annotated

import msgspec
import typer

from premortem.cli.moments import show_moment
from premortem.cli.output import console, json_option, print_json
from premortem.cli.progress import Reading
from premortem.settings import Settings


def archive(
    as_json: Annotated[
        bool, json_option('{"made", "bodies", "refused", "events", "archived", "gone", "whole_since"}')
    ] = False,
) -> None:
    """Make the tables of ClickHouse anew that were lost, and archive every body that is still on the log.

    It changes nothing that is right, so it may be run again, and while everything runs. What retention has taken from
    the log is lost. Exit code 3 when the archive holds fewer events than it was given.
    """
    from premortem import bootstrap

    settings = Settings()
    made = bootstrap.remake_archive(settings)
    with Reading("Archiving") as reading:
        found = bootstrap.refill_archive(settings, reading)
    missing = max(0, found.events - found.archived)
    if as_json:
        print_json({"made": made, **msgspec.to_builtins(found)})
    else:
        out = console()
        out.print(f"Made anew: {', '.join(made)}." if made else "No table was missing.")
        out.print(
            f"Archived {found.bodies:,} bodies from the log: {found.events:,} different events and what came with them."
        )
        if found.refused:
            out.print(f"{found.refused:,} cannot be archived; they are dead letters since they came.")
        if found.gone:
            since = f" It is whole since {show_moment(found.whole_since)} UTC." if found.whole_since is not None else ""
            out.print(f"Retention had taken {found.gone:,} bodies from the log: they are not among these.{since}")
        else:
            out.print("The log holds every body that ever came: the archive is whole.")
        said = f"{missing:,} of them are missing. Run it again" if missing else "All of them are there"
        out.print(f"The archive holds {found.archived:,} different events. {said}.")
    if missing:
        raise typer.Exit(3)
