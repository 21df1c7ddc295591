"""`premortem flow-health` and `worker-health`: does it still work on this machine? For containers' health checks."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from premortem.cli.output import console, json_option, print_json
from premortem.settings import Settings

if TYPE_CHECKING:
    from premortem.adapters.streams.pulse import Beating

SILENT_SECONDS = 120.0
"""Longer than any single call to a dependency may take: SQS, with three attempts of 28 s, takes longest."""
LATE_SECONDS = 300.0
"""So long may a record wait for a dataflow, for `premortem doctor`: longer than a restart takes, or a burst."""


def flow_health(
    name: Annotated[str, typer.Argument(help="archive, detect, materialize or route.")],
    silent_seconds: Annotated[
        float, typer.Option(min=2, help="How long it may do nothing at all; an idle one looks at the log each second.")
    ] = SILENT_SECONDS,
    as_json: Annotated[bool, json_option('[{"pid", "silent_seconds"}]')] = False,
) -> None:
    """Tell whether every process of a dataflow on this machine works; exit code 1 when one hangs, or none runs.

    A dataflow that is idle, behind, or waiting for a database that is away works. Asks no dependency.
    """
    from premortem.adapters.streams.parts import FLOWS

    flow = next((flow for flow in FLOWS if flow == name), None)
    if flow is None:
        sys.exit(f"premortem: there is no dataflow {name!r}. There are: {', '.join(sorted(FLOWS))}.")
    _tell(flow, silent_seconds, as_json)


def worker_health(
    silent_seconds: Annotated[float, typer.Option(min=2, help="How long it may do nothing at all.")] = SILENT_SECONDS,
    as_json: Annotated[bool, json_option('[{"pid", "silent_seconds"}]')] = False,
) -> None:
    """Tell whether every worker on this machine works; exit code 1 when one hangs, or none runs.

    A worker that is idle, busy, or waiting for a queue that is away works. Asks no dependency.
    """
    _tell("worker", silent_seconds, as_json)


def _tell(name: "Beating", silent_seconds: float, as_json: bool) -> None:
    from premortem.adapters.streams.pulse import beats

    directory = Settings().data_dir.absolute() / "run"
    found = beats(directory, name)
    if as_json:
        print_json([{"pid": beat.pid, "silent_seconds": round(beat.silent_seconds, 3)} for beat in found])
    if not found:
        sys.exit(f"premortem: no process of {name} has read anything yet ({directory}). Look at its log.")
    if hung := [beat for beat in found if beat.silent_seconds > silent_seconds]:
        told = ", ".join(f"pid {beat.pid} has done nothing for {beat.silent_seconds:.0f} s" for beat in hung)
        sys.exit(f"premortem: {name} hangs: {told}. Restart it; it goes on where it saved last.")
    if not as_json:
        console().print(", ".join(f"pid {b.pid} did something {b.silent_seconds:.1f} s ago" for b in found))
