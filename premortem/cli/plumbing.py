"""Commands about what records and tasks travel on: topics, queues, and the log that moves to Kafka."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from premortem.cli.output import console, json_option, print_json, print_table
from premortem.ports import Topic
from premortem.settings import Settings

topics = typer.Typer(help="Topics of the event log.", no_args_is_help=True)
queues = typer.Typer(help="Queues of tasks.", no_args_is_help=True)


@topics.command("create")
def create_topics(as_json: Annotated[bool, json_option('{"created"}')] = False) -> None:
    """Create the topics that are missing; run it again as often as you like."""
    from premortem import bootstrap

    _print_created(bootstrap.make_topics(Settings()), "topics", as_json)


@topics.command("list")
def list_topics(
    as_json: Annotated[
        bool, json_option('[{"name", "partitions", "records", "retention_days", "replication", "problems"}]')
    ] = False,
) -> None:
    """List the topics; exit code 1 when one of them would lose records or stop a reader."""
    from premortem import bootstrap

    found = bootstrap.topics(Settings())
    if as_json:
        print_json([{name: getattr(topic, name) for name in topic.__struct_fields__} for topic in found])
    else:
        rows = [
            (t.name, t.partitions, t.replication, t.records, _days(t.retention_days), " ".join(t.problems))
            for t in found
        ]
        print_table(
            ("topic", "partitions", "replicas", "records", "kept for", "problems"), rows, "There are no topics."
        )
    if any(topic.problems for topic in found):
        raise typer.Exit(1)


@queues.command("create")
def create_queues(as_json: Annotated[bool, json_option('{"created"}')] = False) -> None:
    """Create the queues that are missing, each with its dead-letter queue; run it again as often as you like."""
    from premortem import bootstrap

    _print_created(bootstrap.make_queues(Settings()), "queues", as_json)


@queues.command("list")
def list_queues(as_json: Annotated[bool, json_option('[{"name", "waiting", "dead", "problems"}]')] = False) -> None:
    """List the queues; exit code 1 when one of them would lose tasks."""
    from premortem import bootstrap

    found = bootstrap.queues(Settings())
    if as_json:
        print_json([{name: getattr(queue, name) for name in queue.__struct_fields__} for queue in found])
    else:
        rows = [(q.name, q.waiting, q.dead, " ".join(q.problems)) for q in found]
        print_table(("queue", "waiting", "dead letters", "problems"), rows, "There are no queues.")
    if any(queue.problems for queue in found):
        raise typer.Exit(1)


def migrate_log(as_json: Annotated[bool, json_option("{topic: records}")] = False) -> None:
    """Copy the log of this machine to the Kafka of PREMORTEM_KAFKA_BROKERS, every record at its offset.

    The stack must be down. What was copied is read back and compared. Run it again when it was interrupted.
    """
    from premortem import bootstrap

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True, disable=as_json) as shown:
        bars = {}

        def tell(topic: Topic, count: int, total: int) -> None:
            if topic not in bars:
                bars[topic] = shown.add_task(topic, total=total)
            shown.update(bars[topic], completed=count)

        copied = bootstrap.move_log(Settings(), tell)
    if as_json:
        print_json(copied)
        return
    print_table(("topic", "records, the same in both"), copied.items(), "")
    console().print("The log is in Kafka. Keep PREMORTEM_KAFKA_BROKERS set from now on, and start: premortem up")


def _print_created(names: Sequence[str], kind: str, as_json: bool) -> None:
    if as_json:
        print_json({"created": list(names)})
    else:
        console().print("\n".join(f"created {name}" for name in names) or f"All {kind} are there.")


def _days(days: float | None) -> str:
    return "ever" if days is None else f"{days:g} days"
