"""`premortem dlq`: the tasks that were given up, why, and another try for them."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from premortem.cli.moments import show_moment
from premortem.cli.output import console, json_option, print_json, print_table, printable, say
from premortem.domain.ids import TaskId
from premortem.settings import Settings

if TYPE_CHECKING:
    from premortem.bootstrap import DeadTask

commands = typer.Typer(help="Dead letters: tasks that were given up.", no_args_is_help=True)
_NO_REASON = "not on the stored timeline"


@commands.command("list")
def list_dead(
    queue: Annotated[str | None, typer.Option(help="Only this queue's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    as_json: Annotated[bool, json_option('[{"queue", "task", "kind", "incident", "failed_at", "reason"}]')] = False,
) -> None:
    """List the dead letters, and why each was given up. Those that somebody else looks at just now are left out."""
    from premortem import bootstrap

    found = bootstrap.dead_tasks(Settings(), queue, limit)
    if as_json:
        print_json([_plain(dead) for dead in found])
        return
    rows = [
        (dead.queue, type(dead.task).__name__, _when(dead), _reason(dead), dead.task.incident_id, dead.task.id)
        for dead in found
    ]
    print_table(("queue", "kind", "given up (UTC)", "why", "incident", "task"), rows, "There are no dead letters.")
    if len(found) == limit:
        console().print(f"These are {limit}; there may be more: --limit, or --queue.")


@commands.command("show")
def show_dead(
    task: Annotated[str, typer.Argument(help="The task's id.")],
    as_json: Annotated[bool, json_option('{"queue", "task", "failure"}')] = False,
) -> None:
    """Show one dead letter: the whole task, and the fact that says why it was given up."""
    from premortem import bootstrap

    dead = bootstrap.dead_task(Settings(), TaskId(task))
    failure = msgspec.to_builtins(dead.failure) if dead.failure else None
    if as_json:
        print_json({"queue": dead.queue, "task": msgspec.to_builtins(dead.task), "failure": failure})
        return
    out = console()
    out.print(f"{type(dead.task).__name__} in {dead.queue}-dlq", style="bold", markup=False)
    told = {"given up": _when(dead), "why": _reason(dead), "attempts": dead.failure.attempts if dead.failure else "?"}
    for name, value in (told | msgspec.to_builtins(dead.task)).items():
        out.print(f"{name:12} {printable(str(value))}", markup=False)
    out.print(f"Another try: premortem dlq redrive {dead.task.id}", markup=False)


@commands.command("redrive")
def redrive(
    which: Annotated[str, typer.Argument(help="A queue, or the id of one task.")],
    as_json: Annotated[bool, json_option('{"moved"}')] = False,
) -> None:
    """Send a queue's dead letters, or one of them, back to the queue, with all attempts before them."""
    from premortem import bootstrap

    moved = bootstrap.redrive(Settings(), which)
    tasks = "task goes" if moved == 1 else "tasks go"
    say({"moved": moved}, f"{moved} {tasks} back." if moved else f"{which} has no dead letters.", as_json)


def _plain(dead: "DeadTask") -> dict[str, Any]:
    return {
        "queue": dead.queue,
        "task": dead.task.id,
        "kind": type(dead.task).__name__,
        "incident": dead.task.incident_id,
        "failed_at": dead.failure.occurred_at if dead.failure else None,
        "reason": dead.failure.reason if dead.failure else None,
    }


def _when(dead: "DeadTask") -> str:
    return show_moment(dead.failure.occurred_at) if dead.failure else "?"


def _reason(dead: "DeadTask") -> str:
    return dead.failure.reason if dead.failure else _NO_REASON
