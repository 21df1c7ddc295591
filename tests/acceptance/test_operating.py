"""What an operator asks a running stack, in either profile."""

import json
import os
import subprocess
import sys
from typing import Any

from premortem import bootstrap
from premortem.domain import tasks
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.embedded import stack
from tests.acceptance.conftest import Stack


def premortem(running: Stack, *arguments: str) -> Any:
    """Run a command against the stack and return its JSON."""
    environment = {**os.environ, **stack.environment(stack.resolve(running.settings))}
    environment |= {"PREMORTEM_POSTGRES_DSN": "", "PREMORTEM_CLICKHOUSE_URL": ""}
    command = [sys.executable, "-m", "premortem.cli", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_doctor_finds_nothing_to_mend(running: Stack) -> None:
    findings = premortem(running, "doctor")
    assert {finding["name"] for finding in findings} >= {"gateway", "topics", "queues", "dataflows", "clock"}


def test_topics_and_queues_are_made_once_and_listed(running: Stack) -> None:
    assert premortem(running, "topics", "create") == {"created": []}
    assert premortem(running, "queues", "create") == {"created": []}
    topics = {
        topic["name"].removeprefix(running.settings.kafka_topic_prefix): topic
        for topic in premortem(running, "topics", "list")
    }
    assert {name: topic["retention_days"] for name, topic in topics.items()} == {
        "sentry.events": None,
        "debugging.timeline": None,
        "sentry.payloads": 30,
        "dead-letters": None,
    }
    assert {topic["partitions"] for topic in topics.values()} == {4}
    assert len(premortem(running, "queues", "list")) == len(tasks.QUEUES)


def test_dead_letters_are_listed_and_go_back_to_their_queue_by_command(running: Stack) -> None:
    queue = "instrumentation-tasks"
    adapters = bootstrap.connect(running.settings)
    try:
        for number in range(50):  # a worker reads it, too: one of them comes to us
            adapters.task_queue.send([_about_nothing(FactId(f"redrive {number}"))])
            if received := adapters.task_queue.receive(queue, 1, 60):
                break
        adapters.task_queue.bury(queue, received[0])
    finally:
        adapters.close()
    dead = received[0].task.id
    assert [letter["task"] for letter in premortem(running, "dlq", "list", "--queue", queue)] == [dead]
    assert premortem(running, "dlq", "redrive", dead) == {"moved": 1}
    assert premortem(running, "dlq", "list", "--queue", queue) == []


def _about_nothing(cause: FactId) -> tasks.ProposeInstrumentation:
    return tasks.ProposeInstrumentation(
        id=tasks.task_id(tasks.ProposeInstrumentation, cause),
        incident_id=IncidentId("i"),
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        caused_by=cause,
    )
