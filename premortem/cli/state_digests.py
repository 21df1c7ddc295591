"""`premortem replay digest`: what the incidents are at offsets of the timeline, in a few bytes to compare by."""

from typing import Annotated

import msgspec
import typer

from premortem.cli.output import json_option, print_json, print_table
from premortem.cli.progress import Reading
from premortem.settings import Settings


def digest(
    every: Annotated[int | None, typer.Option(min=1, help="Also at every so many offsets.")] = None,
    until: Annotated[int | None, typer.Option(min=0, help="Stop before this offset; the end when left out.")] = None,
    partition: Annotated[list[int] | None, typer.Option(help="Only this partition; repeat it for more.")] = None,
    by_incident: Annotated[bool, typer.Option("--incidents", help="One digest an incident, at the end.")] = False,
    as_json: Annotated[bool, json_option('[{"partition", "offset", "incidents" | "incident_id", "digest"}]')] = False,
) -> None:
    """Print digests of the incidents as folded up to offsets of the timeline, from the log alone.

    Two machines compare what they print: where the digests part, look closer with a smaller --every, then --incidents.
    """
    from premortem import bootstrap
    from replay.rebuilding import digests

    with bootstrap.log_reader(Settings()) as log, Reading("Folding the timeline") as reading:
        found = (
            list(digests.incident_digests(log, partition or (), until, reading))
            if by_incident
            else list(digests.marks(log, partition or (), every, until, reading))
        )
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    third = "incident" if by_incident else "incidents"
    rows = [[getattr(each, name) for name in each.__struct_fields__] for each in found]
    columns = ("partition", third, "offset", "digest") if by_incident else ("partition", "offset", third, "digest")
    print_table(columns, rows, "The timeline is empty.")
