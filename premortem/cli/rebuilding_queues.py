"""`premortem rebuild queues`: queues that were lost, and what was on them."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from premortem.cli.moments import show_moment
from premortem.cli.output import console, json_option, print_json, print_table
from premortem.cli.progress import Reading
from premortem.domain.tasks import QUEUES, Task
from premortem.settings import Settings

if TYPE_CHECKING:
    from replay.rebuilding.awaited import Waiting


def queues(
    emptied: Annotated[
        bool, typer.Option("--emptied", help="With SQS: the queues are there, but what was on them is gone.")
    ] = False,
    as_json: Annotated[bool, json_option('{"made", "sent", "scheduled", "given_up"}')] = False,
) -> None:
    """Make queues anew that were lost, and send every task that is waited for: at once, not when it is overdue.

    What is waited for is read from the timeline. Tasks that a queue still holds are not doubled, and it may be run
    again, also while everything runs. Notices that were on their way are lost: nothing waits for them.
    """
    from premortem import bootstrap
    from replay.rebuilding.awaited import waiting

    settings = Settings()
    remade = bootstrap.remake_queues(settings, emptied=emptied)
    with bootstrap.log_reader(settings) as log, Reading("Reading the timeline") as reading:
        found = waiting(log, reading)
    with bootstrap.task_queue(settings) as queue:
        queue.forget([task.id for task in found.asked if QUEUES[type(task)] in remade.lost])
        queue.send(found.asked)
    if as_json:
        print_json({"made": remade.made, **_plain(found)})
        return
    _print(remade.made, found)


def _plain(found: "Waiting") -> dict[str, Any]:
    return {
        "sent": msgspec.to_builtins(found.asked),
        "scheduled": msgspec.to_builtins(found.scheduled),
        "given_up": msgspec.to_builtins(found.given_up),
    }


def _print(made: tuple[str, ...], found: "Waiting") -> None:
    out = console()
    out.print(f"Made anew: {', '.join(made)}." if made else "No table and no queue was missing.")
    rows = [
        (QUEUES[type(task)], _kind(task), task.attempt, show_moment(task.at), task.incident_id) for task in found.asked
    ]
    print_table(("queue", "task", "attempt", "asked for (UTC)", "incident"), rows, "Nothing waits for an answer.")
    if found.asked:
        out.print(f"Sent: {_counted(found.asked)}. What a queue held already is there once.")
    if found.scheduled:
        out.print(f"Not due yet, and sent by route in their time: {_counted(found.scheduled)}.")
    if found.given_up:
        out.print(
            "Given up before; their dead letters went down with their queues, and their incidents wait for a person:"
        )
        for failed in found.given_up:
            out.print(f"  {failed.incident_id}  {failed.stage}: {failed.reason}", markup=False)
        out.print("Answer for them: premortem incidents respond INCIDENT ...")


def _counted(tasks: tuple[Task, ...]) -> str:
    counts = Counter(_kind(task) for task in tasks)
    return ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts))


def _kind(task: Task) -> str:
    return type(task).__name__
