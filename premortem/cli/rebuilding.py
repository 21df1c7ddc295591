"""Commands that restore what was lost: each makes one store anew from the log."""

import typer

commands = typer.Typer(help="Restore what was lost from the log: one command a store.", no_args_is_help=True)


@commands.callback()
def _restore() -> None:
    """Restore what was lost from the log: one command a store."""
