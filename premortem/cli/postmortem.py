"""The command that writes a post-mortem."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from premortem.cli.output import DEFAULT_TENANT, Tenant
from premortem.cli.progress import Reading
from premortem.domain.ids import IncidentId, TenantId
from premortem.exceptions import Malformed
from premortem.settings import Settings


def postmortem(
    incident_id: Annotated[str, typer.Argument(help="The incident's id.")],
    output: Annotated[Path | None, typer.Option(help="The file to write; stdout if left out.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
) -> None:
    """Write what happened in Markdown, from the log alone; of an incident that goes on an interim word that says so.

    Timeline, delays, cause with its evidence, what was tried, and what could have been known earlier. The same log
    gives the same file. The project's records are replayed up to the incident's opening, which may take a while.
    """
    from premortem import bootstrap
    from premortem.agents.rules import settled
    from replay.postmortem import earliest, postmortem, story

    with bootstrap.log_reader(Settings()) as log:
        with Reading("Reading the timeline") as reading:
            told = story(log, TenantId(tenant), IncidentId(incident_id), reading)
        with Reading("Replaying the detector") as reading:
            found = earliest(log, told.opened, reading)
    text = postmortem(told, found, settled)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as exception:
        raise Malformed(
            f"{output} cannot be written: {exception.strerror}. Name another file: --output."
        ) from exception
    typer.echo(f"Wrote {output}.")
