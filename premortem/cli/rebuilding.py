"""Commands that restore what was lost: each makes one store anew from the log."""

import typer

from premortem.cli import rebuilding_archive, rebuilding_incidents, rebuilding_positions, rebuilding_queues

commands = typer.Typer(help="Restore what was lost from the log: one command a store.", no_args_is_help=True)


@commands.callback()
def _restore() -> None:
    """Restore what was lost from the log: one command a store."""


commands.command("queues")(rebuilding_queues.queues)
commands.command("incidents")(rebuilding_incidents.incidents)
commands.command("archive")(rebuilding_archive.archive)
commands.command("positions")(rebuilding_positions.positions)
