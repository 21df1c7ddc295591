"""Commands that read the log again: the same functions over the same records, compared with what is stored."""

import typer

from premortem.cli import rebuilding_incidents, replayed_detections, state_digests

commands = typer.Typer(help="Read the log again and compare with what is stored.", no_args_is_help=True)


@commands.callback()
def _replay() -> None:
    """Read the log again and compare with what is stored."""


commands.command("rebuild")(rebuilding_incidents.rebuild)
commands.command("detections")(replayed_detections.detections)
commands.command("digest")(state_digests.digest)
