"""An incident as it was known at a moment, its frozen evidence, and its verification, by commands over a real stack."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from premortem import bootstrap
from premortem.domain.evidence import evidence_hash
from premortem.ports import Append
from tests.builders import NOW
from tests.cli.conftest import Cli
from tests.replay.kept_story import ID, TENANT, Story, evidence


@pytest.fixture(scope="module")
def told(cli: Cli) -> Cli:
    """The stack with an incident from its detection to its end on its log, folded by its own `materialize`."""
    story = Story()
    with bootstrap.event_log(cli.settings()) as log:
        log.append([Append("debugging.timeline", ID, value) for value in story.values()])
    deadline = time.monotonic() + 30
    while cli.run("incidents", "show", ID, "--tenant", TENANT, code=None).stdout.count("resolved") < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return cli


def show(cli: Cli, *arguments: str) -> str:
    return cli.run("incidents", "show", ID, "--tenant", TENANT, *arguments).stdout


@contextmanager
def stopped(cli: Cli, name: str) -> Iterator[None]:
    """Stop a process of the stack, so that it takes connections and answers none."""
    (pid,) = [process["pid"] for process in cli.json("status") if process["name"] == name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_show_as_of_a_moment_tells_what_was_known_then_and_nothing_that_was_learned_later(told: Cli) -> None:
    then = show(told, "--as-of", str(NOW + 3_600_000 + 120_000))
    assert "4 of its 11 facts" in then
    assert "status       root_cause_proposed" in then
    assert "ContextBuilt" in then
    assert "FixProposed" not in then
    assert len(show(told, "--as-of", "offset:999999").splitlines()) == len(show(told).splitlines()) + 1
    document = told.json("incidents", "show", ID, "--tenant", TENANT, "--as-of", "2026-11-22T15:21:47")
    assert (document["incident"]["status"], len(document["timeline"])) == ("detected", 1)


def test_before_it_was_opened_and_at_no_moment_there_is_nothing_to_show(told: Cli) -> None:
    early = told.refusal("incidents", "show", ID, "--tenant", TENANT, "--as-of", str(NOW - 1))
    assert "ask as of then" in early
    wrong = told.refusal("incidents", "show", ID, "--tenant", TENANT, "--as-of", "yesterday")
    assert "Write it like" in wrong
    frozen = evidence()[0].id
    assert "holds no" in told.refusal("incidents", "evidence", ID, frozen, "--tenant", TENANT, "--as-of", str(NOW))


def test_a_citation_opens_while_the_archive_does_not_answer(told: Cli) -> None:
    first = evidence()[0]
    with stopped(told, "clickhouse"):
        shown = told.json("incidents", "evidence", ID, first.id, "--tenant", TENANT)
    assert (shown["id"], shown["result"]) == (first.id, first.result)
    asked = tuple((name, value) for name, value in shown["parameters"])
    assert evidence_hash(shown["kind"], shown["query"], asked, shown["result"]) == shown["hash"]


def test_verify_finds_nothing_wrong_with_what_nobody_touched_and_tells_the_chains_head(told: Cli) -> None:
    (found,) = told.json("verify", ID, "--tenant", TENANT)["incidents"]
    assert (found["passed"], found["facts"], len(found["checks"])) == (True, 11, 14)
    assert [check["what"] for check in found["checks"] if check["state"] == "gone"] == [
        "counts are those of the archive"
    ]
    shown = told.run("verify", ID, "--tenant", TENANT).stdout
    assert found["head"] in shown
    assert "0 of 14 checks failed" in shown
    table = told.run("verify", "--all", "--tenant", TENANT).stdout
    assert ID in table
    assert "1 incidents, 0 with something wrong" in table
    assert told.json("verify", "--all", "--tenant", "nobody") == {"incidents": []}


def test_verify_names_one_incident_or_all(told: Cli) -> None:
    assert "--all" in told.refusal("verify")
    assert "--all" in told.refusal("verify", ID, "--all")
    assert "premortem incidents list" in told.refusal("verify", "absent", "--tenant", TENANT)


def test_verify_says_where_an_edit_is_and_exits_with_3(told: Cli) -> None:
    with psycopg.connect(told.settings().postgres_dsn, autocommit=True) as connection:
        edit = "UPDATE timeline_events SET value = convert_to(replace(convert_from(value, 'UTF8'), %s, %s), 'UTF8')"
        connection.execute(edit, ("looking", "jesting"))
        shown = told.run("verify", ID, "--tenant", TENANT, code=3).stdout
        assert "FAILED rows are the records of the log" in shown
        assert "HumanResponded, the row's bytes" in shown
        assert "I am looking" in shown
        assert "I am jesting" in shown
        assert "1 of 14 checks failed" in shown
        assert "1 with something wrong" in told.run("verify", "--all", "--tenant", TENANT, code=3).stdout
        connection.execute(edit, ("jesting", "looking"))
    told.run("verify", ID, "--tenant", TENANT)
