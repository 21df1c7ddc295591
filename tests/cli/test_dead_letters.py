"""`premortem dlq`: what was given up is listed with its reason, and tried again by its queue or its id."""

from collections.abc import Iterator

import psycopg
import pytest

from premortem import bootstrap
from premortem.domain import tasks, timeline
from premortem.domain.due import give_up
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.tasks import BuildContext, ProposeFix, Task
from premortem.domain.timeline import IncidentResolved
from premortem.ports import Saved, StoredFact
from tests.builders import NOW
from tests.cli.conftest import Cli
from tests.workers.bench import OPENED, about, asked

FIX = "fix-tasks"


@pytest.fixture(scope="module")
def adapters(cli: Cli) -> Iterator[bootstrap.Adapters]:
    connected = bootstrap.connect(cli.settings())
    yield connected
    connected.close()


def bury(cli: Cli, task: Task, queue: str) -> None:
    """Make the task a dead letter; by hand, since a worker of the stack would be faster than we are."""
    with psycopg.connect(cli.settings().postgres_dsn) as connection:
        row = (task.id, f"{queue}-dlq", tasks.encode(task))
        connection.execute(b"INSERT INTO tasks (id, queue, value) VALUES (%s, %s, %s)", row)


def test_there_are_none_at_first(cli: Cli) -> None:
    assert cli.json("dlq", "list") == []
    assert "There are no dead letters." in cli.run("dlq", "list").stdout
    assert cli.json("dlq", "redrive", FIX) == {"moved": 0}


def test_each_is_listed_with_the_reason_that_stands_on_the_timeline(cli: Cli, adapters: bootstrap.Adapters) -> None:
    fix, context = asked(ProposeFix), asked(BuildContext, FactId("without a reason"))
    bury(cli, fix, FIX)
    bury(cli, context, "context-builder-tasks")
    failed = give_up(fix, NOW + 5, "the patch [red]does not[/red] apply.", 5)
    over = about(IncidentResolved, reason="quiet")  # so that a worker deletes what goes back
    facts = (OPENED, failed, over)
    rows = [
        StoredFact(f.incident_id, f.id, 0, n, type(f).__name__, f.occurred_at, timeline.encode(f))
        for n, f in enumerate(facts)
    ]
    incident = fold(facts)
    assert incident is not None
    adapters.incident_store.save([Saved(incident, 0, 3)], rows)
    unexplained, explained = cli.json("dlq", "list")
    assert (unexplained["task"], unexplained["reason"]) == (context.id, None)
    assert explained == {
        "queue": FIX,
        "task": fix.id,
        "kind": "ProposeFix",
        "incident": OPENED.incident_id,
        "failed_at": NOW + 5,
        "reason": "the patch [red]does not[/red] apply.",
    }
    assert [letter["task"] for letter in cli.json("dlq", "list", "--queue", FIX)] == [fix.id]
    told = cli.run("dlq", "list", "--limit", "1").stdout
    assert "not on the stored timeline" in told
    assert "there may be more" in told
    assert "the patch [red]does not[/red] apply." in cli.run("dlq", "list").stdout


def test_one_is_shown_with_its_task_and_its_failure(cli: Cli) -> None:
    fix = asked(ProposeFix)
    shown = cli.json("dlq", "show", fix.id)
    assert (shown["queue"], shown["task"]["caused_by"], shown["failure"]["attempts"]) == (FIX, OPENED.id, 5)
    assert "Another try: premortem dlq redrive" in cli.run("dlq", "show", fix.id).stdout
    assert "no dead letter 'nobody'" in cli.refusal("dlq", "show", "nobody")


def test_one_goes_back_by_its_id_and_the_others_by_their_queue(cli: Cli) -> None:
    fix, context = asked(ProposeFix), asked(BuildContext, FactId("without a reason"))
    assert cli.json("dlq", "redrive", fix.id) == {"moved": 1}
    assert [letter["task"] for letter in cli.json("dlq", "list")] == [context.id]
    assert "1 task goes back." in cli.run("dlq", "redrive", "context-builder-tasks").stdout
    assert cli.json("dlq", "list") == []
    assert "neither a queue nor a dead letter" in cli.refusal("dlq", "redrive", fix.id)
    assert "There are: context-builder-tasks" in cli.refusal("dlq", "list", "--queue", "fixes")
