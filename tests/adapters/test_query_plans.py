"""The hot statements find their rows by an index: no scan of a table that grows, however often they have been run.

The plans are those of the adapters' own calls, told by the server itself (auto_explain), so that row-level security,
statements inside functions, and the generic plan that a statement may get once it is prepared, are all in them.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg_pool import ConnectionPool

from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, connection_settings
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.adapters.task_queue.sqs_ledger import SqsLedger
from premortem.domain import incident as domain
from premortem.domain import tasks
from premortem.domain.ids import FactId, IncidentId, ProjectId, TaskId, TenantId
from premortem.domain.outcomes import ProposedCause
from premortem.domain.tasks import BuildContext, task_id
from premortem.embedded.postgres import PostgresServer
from premortem.ports import TOPICS, Append, IncidentFilter, Saved, StoredFact, Topic
from tests.builders import incident

ACME, QUEUE, DATABASE = TenantId("acme"), "context-builder-tasks", "query_plans"
FIXED = {"log_partitions", "checkpoints"}
"""Tables that never grow: a few rows for each topic or dataflow, which the server may well read whole."""
RUNS = 12
"""More than psycopg's five before it prepares a statement, and the server's five before it tries a generic plan."""

_FILL = """
INSERT INTO log_events (partition, "offset", key, value)
  SELECT p, n, '1', '\\x00' FROM generate_series(0, 3) p, generate_series(0, 2499) n;
INSERT INTO log_timeline SELECT * FROM log_events;
INSERT INTO log_dead_letters SELECT * FROM log_events;
INSERT INTO log_payloads (partition, "offset", key, value) SELECT partition, "offset", key, value FROM log_events;
UPDATE log_partitions SET next_offset = 2500;
INSERT INTO incidents
  SELECT 'i' || n, 'acme', n %% 40, CASE WHEN n %% 200 = 0 THEN 'detected' ELSE 'resolved' END, 'high',
    CASE WHEN n %% 1000 = 0 THEN 'staging' ELSE 'production' END, 'KeyError: ' || md5(n::text), 'shop.checkout',
    1795360000000 + n, CASE WHEN n %% 500 = 0 THEN %(judged)s ELSE %(incident)s END, n %% 4, n
  FROM generate_series(1, 6000) n;
INSERT INTO incident_fingerprints SELECT id, tenant_id, project_id, md5(id) FROM incidents;
INSERT INTO timeline_events
  SELECT 'i' || n %% 1000, 'f' || n, 'acme', 'IncidentGrew', n, '\\x00', 0, n FROM generate_series(1, 10000) n;
INSERT INTO tasks (id, queue, value, visible_at)
  SELECT 't' || n, %(queue)s, %(task)s, now() + n %% 2 * interval '1 h' FROM generate_series(1, 6000) n;
INSERT INTO task_ids SELECT id FROM tasks;
INSERT INTO task_receipts (task_id) SELECT id FROM tasks;
INSERT INTO checkpoint_state SELECT 'detect', n %% 4, 's' || n, '\\x00' FROM generate_series(1, 8000) n;
ANALYZE;
"""


JUDGED = ProposedCause(id=FactId("c"), at=1, decided_by="rules 1", reason="r", claimed=0.9, said="right")


def _task(cause: str) -> BuildContext:
    return BuildContext(
        id=task_id(BuildContext, FactId(cause)),
        incident_id=IncidentId("i"),
        tenant_id=ACME,
        project_id=ProjectId(1),
        caused_by=FactId(cause),
    )


class Plans:
    """A pool whose server tells the plan of every statement."""

    def __init__(self, dsn: str) -> None:
        self._told: list[Any] = []
        self.pool: Pool = ConnectionPool(
            dsn, min_size=0, max_size=1, kwargs=connection_settings(), configure=self._configure, open=True
        )

    def of(self, call: Callable[[int], object]) -> list[dict[str, Any]]:
        """Return the nodes of all plans of RUNS calls; each is called with its number."""
        self._told.clear()
        for number in range(RUNS):
            call(number)
        assert self._told
        return [node for plan in self._told for node in _nodes(plan)]

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        connection.add_notice_handler(self._hear)
        connection.execute(b"LOAD 'auto_explain'")
        settings = {"log_min_duration": "0", "log_nested_statements": "on", "log_format": "json", "log_level": "notice"}
        for name, value in settings.items():
            connection.execute(f"SET auto_explain.{name} = '{value}'".encode())
        connection.commit()

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        _, _, plan = (notice.message_primary or "").partition("plan:")
        if plan:
            self._told.append(json.loads(plan)["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def scanned(nodes: list[dict[str, Any]]) -> set[str]:
    """Return the growing tables that some plan reads whole."""
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} - FIXED


def indexes(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def bounds(nodes: list[dict[str, Any]], index: str) -> set[str]:
    """Return what the scans of the index are bounded by, or "" for a scan from end to end."""
    return {node.get("Index Cond", "") for node in nodes if node.get("Index Name") == index}


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The DSN of a database with some thousand rows in each table that grows."""
    judged = replace(incident(), causes=(JUDGED,))
    values = {
        "incident": domain.encode(incident()),
        "judged": domain.encode(judged),
        "queue": QUEUE,
        "task": tasks.encode(_task("a")),
    }
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {postgres_template}".encode())
        with ConnectionPool(postgres_server.dsn(DATABASE), min_size=0, max_size=1, open=True) as pool:
            create_topics(pool, 4)
        with psycopg.connect(postgres_server.dsn(DATABASE), autocommit=True) as connection:
            psycopg.ClientCursor(connection).execute(_FILL, values)
        yield postgres_server.dsn(DATABASE)
        owner.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


@pytest.fixture
def plans(filled: str) -> Iterator[Plans]:
    plans = Plans(filled)
    yield plans
    plans.pool.close()


def test_a_scan_is_seen_when_there_is_one(plans: Plans) -> None:
    """The net itself: what the other tests say is worth nothing if a scan could slip through."""
    assert scanned(plans.of(lambda _: PostgresIncidentStore(plans.pool).digest())) == {"incidents"}


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("offset", [0, 2400])
def test_a_partition_is_read_from_its_offset_on(plans: Plans, topic: Topic, offset: int) -> None:
    log = PostgresEventLog(plans.pool)
    nodes = plans.of(lambda _: log.read(topic, 1, offset, 100))
    assert scanned(nodes) == set()
    assert indexes(nodes)
    for index in indexes(nodes):
        assert all("partition" in bound and "offset" in bound for bound in bounds(nodes, index)), index


def test_an_append_reads_nothing_but_the_partitions_rows(plans: Plans) -> None:
    log = PostgresEventLog(plans.pool)
    nodes = plans.of(lambda n: log.append([Append(topic, str(n), b"x") for topic in TOPICS]))
    written = {node["Relation Name"] for node in nodes if node["Node Type"] == "ModifyTable"}
    assert {"log_events", "log_timeline", "log_payloads", "log_dead_letters"} <= written
    assert scanned(nodes) == set()


def test_a_task_is_received_by_queue_and_time_and_one_that_was_received_too_often_is_found_at_once(
    plans: Plans,
) -> None:
    queue = PostgresTaskQueue(plans.pool)
    nodes = plans.of(lambda _: queue.receive(QUEUE, 10, 60))
    assert scanned(nodes) == set()
    assert all("visible_at" in bound for bound in bounds(nodes, "tasks_visible"))
    assert {"tasks_visible", "tasks_received"} <= indexes(nodes)


def test_whoever_waits_for_a_task_looks_at_no_more_than_the_first_of_each_queue(plans: Plans) -> None:
    nodes = plans.of(lambda _: PostgresTaskQueue(plans.pool)._look.finds("fix-tasks"))
    assert scanned(nodes) == set()
    assert all("queue" in bound and "visible_at" in bound for bound in bounds(nodes, "tasks_visible"))
    assert indexes(nodes) == {"tasks_visible"}


def test_a_receipt_leads_to_its_task(plans: Plans) -> None:
    queue = PostgresTaskQueue(plans.pool)
    held = queue.receive(QUEUE, 2 * RUNS, 60)
    assert len(held) == 2 * RUNS
    for act in (
        lambda n: queue.extend(QUEUE, held[n].receipt, 60),
        lambda n: queue.delete(QUEUE, [held[n].receipt]),
        lambda n: queue.bury(QUEUE, held[RUNS + n]),
    ):
        nodes = plans.of(act)
        assert (scanned(nodes), indexes(nodes)) == (set(), {"tasks_pkey"})


def test_sending_a_task_reads_nothing(plans: Plans) -> None:
    queue = PostgresTaskQueue(plans.pool)
    assert scanned(plans.of(lambda n: queue.send([_task(f"new {n}")]))) == set()


def test_what_is_known_of_an_sqs_message_is_found_by_its_task(plans: Plans) -> None:
    ledger = SqsLedger(plans.pool)
    for look in (
        lambda n: ledger.known([TaskId(f"t{n}"), TaskId("nobody's")]),
        lambda n: ledger.holds(TaskId(f"t{n}"), f"r{n}"),
        lambda n: ledger.finish(TaskId(f"t{n}"), f"r{n}"),
        lambda n: ledger.release(TaskId(f"t{n}")),
    ):
        nodes = plans.of(look)
        assert (scanned(nodes), indexes(nodes)) == (set(), {"task_receipts_pkey"})
    for note in (
        lambda n: ledger.sent([TaskId(f"t{n}"), TaskId(f"new {n}")]),
        lambda n: ledger.claim(TaskId(f"t{n}"), f"m{n}", f"r{n}"),
    ):
        assert scanned(plans.of(note)) == set()


def test_dead_letters_that_go_back_are_found_by_their_queue(plans: Plans) -> None:
    queue = PostgresTaskQueue(plans.pool)
    nodes = plans.of(lambda _: queue.redrive("fix-tasks"))
    assert scanned(nodes) == set()
    assert any("-dlq" in bound and "queue" in bound for index in indexes(nodes) for bound in bounds(nodes, index))


LISTS = {
    "every incident": (IncidentFilter(), "incidents_newest"),
    "a rare status": (IncidentFilter(status="detected"), "incidents_by_status"),
    "a common status": (IncidentFilter(status="resolved"), "incidents_"),
    "a status that none has": (IncidentFilter(status="in_review"), "incidents_by_status"),
    "a project": (IncidentFilter(project_id=ProjectId(7)), "incidents_by_project"),
    "a project without incidents": (IncidentFilter(project_id=ProjectId(777)), "incidents_by_project"),
    "a rare environment": (IncidentFilter(environment="staging"), "incidents_by_environment"),
    "an environment that is not there": (IncidentFilter(environment="moon"), "incidents_by_environment"),
    "a text that many have": (IncidentFilter(text="a"), "incidents_newest"),
    "everything at once": (
        IncidentFilter(status="detected", project_id=ProjectId(7), environment="production", text="a"),
        "incidents_",
    ),
}
"""Lists and the index that serves each (a prefix where more than one does). A text that hardly any title has is left
out: row-level security lets no index be used for it, so the tenant's incidents are all looked at."""


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_incidents_is_read_in_its_order_and_a_later_page_begins_at_its_cursor(
    plans: Plans, name: str
) -> None:
    where, index = LISTS[name]
    store = PostgresIncidentStore(plans.pool)
    first = plans.of(lambda _: store.find(ACME, where, None, 20))
    assert scanned(first) == set()
    assert indexes(first)
    assert all(found.startswith(index) for found in indexes(first))
    cursor = store.find(ACME, IncidentFilter(), None, 20).cursor
    later = plans.of(lambda _: store.find(ACME, where, cursor, 20))
    assert scanned(later) == set()
    assert all("opened_at" in bound for found in indexes(later) for bound in bounds(later, found))


def test_one_incident_and_its_timeline_are_found_by_id(plans: Plans) -> None:
    store = PostgresIncidentStore(plans.pool)
    one = plans.of(lambda _: store.get(ACME, IncidentId("i7")))
    assert (scanned(one), indexes(one)) == (set(), {"incidents_pkey"})
    facts = plans.of(lambda n: store.timeline(ACME, IncidentId("i7"), n, 100))
    assert (scanned(facts), indexes(facts)) == (set(), {"timeline_events_in_order"})
    assert all("log_offset" in bound for bound in bounds(facts, "timeline_events_in_order"))


def test_causes_whose_outcome_is_known_are_found_among_many_incidents_that_have_none(plans: Plans) -> None:
    store = PostgresIncidentStore(plans.pool)
    found = plans.of(lambda _: store.outcomes(ACME))
    assert (scanned(found), indexes(found)) == (set(), {"incidents_with_outcomes"})
    assert len(store.outcomes(ACME)) == 12


def test_dataflows_load_and_save_incidents_and_their_own_state_by_key(plans: Plans) -> None:
    store, checkpoints = PostgresIncidentStore(plans.pool), PostgresCheckpointStore(plans.pool)

    def save(number: int) -> None:
        opened = incident(f"saved {number}")
        store.save([Saved(opened, 0, number)], [StoredFact(opened.id, str(number), 0, number, "k", 1, b"")])

    loaded = plans.of(lambda n: store.load([IncidentId(f"i{n + other}") for other in range(20)]))
    assert (scanned(loaded), indexes(loaded)) == (set(), {"incidents_pkey"})
    assert scanned(plans.of(save)) == set()
    state = plans.of(lambda _: checkpoints.load("detect", 1))
    assert scanned(state) == set()
    assert all("partition" in bound for bound in bounds(state, "checkpoint_state_pkey"))
    assert scanned(plans.of(lambda n: checkpoints.save("detect", 1, n + 1, {"s5": b"x", "s9": None}))) == set()
