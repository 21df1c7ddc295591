"""Every command as a person or a program runs it, against one real stack; and what each says when there is none."""

import time

import httpx
import orjson
import pytest

from tests.cli.conftest import Cli


def test_up_prints_the_dsn_and_every_url_and_a_second_up_says_that_it_runs(cli: Cli) -> None:
    again = cli.run("up", code=1)
    assert "premortem down" in again.stderr


def test_status_lists_each_process_and_is_zero_when_all_run(cli: Cli) -> None:
    processes = cli.json("status")
    assert {(p["name"], p["state"]) for p in processes} == {
        (name, "running") for name in ("api", "clickhouse", "dataflows", "postgres", "worker")
    }
    assert "dataflows" in cli.run("status").stdout


def test_logs_of_one_process_and_of_all_and_of_none_that_there_is(cli: Cli) -> None:
    assert "== postgres" in cli.run("logs").stdout
    one = cli.run("logs", "supervisor", "-n", "3").stdout
    assert "== supervisor" in one
    assert len(one.splitlines()) <= 4
    assert "There are: api" in cli.run("logs", "mail", code=1).stderr


def test_migrate_has_nothing_left_to_do(cli: Cli) -> None:
    assert cli.json("migrate") == {"applied": []}
    assert "up to date" in cli.run("migrate").stdout


def test_doctor_names_each_thing_and_finds_it_well(cli: Cli) -> None:
    findings = {finding["name"]: finding for finding in cli.json("doctor")}
    assert list(findings) == [
        "python",
        "gateway",
        "postgres",
        "clickhouse",
        "migrations",
        "topics",
        "queues",
        "dataflows",
        "workers",
        "clock",
        "code",
        "disk",
    ]
    assert all(finding["healthy"] for finding in findings.values()), findings
    assert "FAIL" not in cli.run("doctor").stdout


def test_a_project_is_created_and_listed_and_its_slug_is_taken_once(cli: Cli) -> None:
    (made,) = cli.json("project", "create", "checkout", "--name", "Check out")
    assert made["dsns"][0].endswith(f"/{made['id']}")
    assert made in cli.json("project", "list")
    assert "Check out" in cli.run("project", "list").stdout
    assert "already has a project checkout" in cli.run("project", "create", "checkout", code=1).stderr


def test_a_key_is_added_limited_and_disabled(cli: Cli) -> None:
    (made,) = cli.json("project", "create", "keys")
    new = cli.json("key", "create", str(made["id"]))["dsn"]
    key = new.split("//")[1].split("@")[0]
    assert cli.json("key", "limit", key, "7") == {"key": key, "events_per_minute": 7}
    assert cli.json("key", "disable", key) == {"disabled": key}
    assert cli.run("send-event", "--dsn", new, code=1).stderr.startswith("premortem: ")
    assert "no such key" in cli.run("key", "disable", "0" * 32, code=1).stderr
    assert "has no project 999" in cli.run("key", "create", "999", code=1).stderr


def test_a_token_reads_until_it_is_revoked(cli: Cli) -> None:
    token = cli.json("token", "create", "robot")["token"]
    url = cli.json("doctor")[1]["detail"].split()[-1]
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}/incidents", headers=headers).status_code == 200
    assert {"name": "robot"} in cli.json("token", "list")
    assert cli.json("token", "revoke", "robot") == {"revoked": "robot"}
    assert httpx.get(f"{url}/incidents", headers=headers).status_code == 401
    assert "has no token 'robot'" in cli.run("token", "revoke", "robot", code=1).stderr


def test_an_integration_tells_what_to_enter_in_sentry_and_hides_its_secret_later(cli: Cli) -> None:
    (made,) = cli.json("project", "create", "hooks")
    told = cli.json("integration", "create", "sentry-platform", str(made["id"]), "--secret", "from-sentry")
    assert told["url"].endswith("/webhooks/sentry")
    assert told["secret"] == "from-sentry"
    legacy = cli.json("integration", "create", "sentry-plugin", str(made["id"]))
    assert legacy["url"].endswith(legacy["secret"])
    event = {"project_slug": "hooks", "event": {"event_id": "e" * 32, "message": "by webhook"}}
    assert httpx.post(legacy["url"], json=event).status_code == 200
    hooked = cli.json("integration", "create", "github", str(made["id"]))
    assert hooked["url"].endswith("/webhooks/github")
    listed = cli.run("integration", "list", "--json").stdout
    assert legacy["secret"] not in listed
    assert [i["kind"] for i in orjson.loads(listed)] == ["sentry-platform", "sentry-plugin", "github"]
    assert "There are: sentry-platform" in cli.run("integration", "create", "jira", "1", code=1).stderr


def test_a_notification_target_is_added_with_a_secret_shown_once_and_removed(cli: Cli) -> None:
    cli.json("project", "create", "told")
    added = cli.json("notify", "add", "webhook", "http://127.0.0.1:9/hook", "--only", "opened", "--only", "resolved")
    assert added["secret"].startswith("whsec_")
    (found,) = cli.json("notify", "list")
    assert (found["id"], found["only"]) == (added["id"], ["opened", "resolved"])
    assert added["secret"] not in cli.run("notify", "list").stdout
    assert "does not answer" in cli.refusal("notify", "test", str(added["id"]))
    assert "no occasion 'often'" in cli.refusal("notify", "add", "slack", "http://127.0.0.1:9/", "--only", "often")
    assert cli.json("notify", "remove", str(added["id"])) == {"removed": added["id"]}
    assert "no notification target" in cli.refusal("notify", "remove", str(added["id"]))


def test_a_repository_is_mapped_shown_without_its_password_and_forgotten(cli: Cli) -> None:
    (made,) = cli.json("project", "create", "coded")
    project, url = str(made["id"]), "https://robot:s3cr3t@git.example.org/acme/shop.git"
    added = cli.json("repository", "add", project, "acme/shop", url, "--branch", "develop", "--path-prefix", "src/")
    assert added == {"name": "acme/shop"}
    listed = cli.run("repository", "list", project, "--json").stdout
    assert "s3cr3t" not in listed
    assert orjson.loads(listed) == [
        {
            "project": made["id"],
            "name": "acme/shop",
            "clone_url": "https://git.example.org/acme/shop.git",
            "branch": "develop",
            "path_prefix": "src",
            "deployed_by": "nothing",
        }
    ]
    assert "owner/name" in cli.run("repository", "add", project, "shop", url, code=1).stderr
    assert cli.json("repository", "remove", project, "acme/shop") == {"removed": "acme/shop"}
    assert cli.json("repository", "list", project) == []
    assert "no repository" in cli.run("repository", "remove", project, "acme/shop", code=1).stderr


def test_what_is_sent_by_hand_becomes_an_incident_that_can_be_listed_and_shown(cli: Cli) -> None:
    sent = cli.json("send-event", "the till is empty", "--type", "TillError", "--release", "till@2")["id"]
    deadline = time.monotonic() + 120
    while not (found := cli.json("incidents", "list", "--text", "TillError")):
        assert time.monotonic() < deadline
    assert found[0]["title"] == "TillError: the till is empty"
    shown = cli.json("incidents", "show", found[0]["id"])
    assert shown["incident"]["event_id"] == sent
    assert [fact["kind"] for fact in shown["timeline"]][:1] == ["IncidentDetected"]
    text = cli.run("incidents", "show", found[0]["id"]).stdout
    for expected in ("TillError: the till is empty", "till@2", "unhandled or fatal", "IncidentDetected"):
        assert expected in text
    while not (grouping := cli.json("incidents", "show", found[0]["id"])["grouping"]):  # the archive is a moment behind
        assert time.monotonic() < deadline
    assert ["type", "TillError"] in grouping["variants"][0]["values"]
    assert "    type: TillError" in cli.run("incidents", "show", found[0]["id"]).stdout
    assert "why" in cli.run("incidents", "list").stdout
    assert cli.json("incidents", "list", "--status", "resolved") == []


def test_an_incident_or_status_that_is_not_there_is_an_error_that_says_what_to_do(cli: Cli) -> None:
    assert "premortem incidents list" in cli.run("incidents", "show", "nowhere", code=1).stderr
    assert "premortem incidents show" in cli.run("incidents", "evidence", "nowhere", "ev-1", code=1).stderr
    assert "There are: detected" in cli.run("incidents", "list", "--status", "burning", code=1).stderr


def test_seed_sends_samples(cli: Cli) -> None:
    assert len(cli.json("seed")["ids"]) == 3


@pytest.mark.parametrize(
    "command",
    [("incidents", "list"), ("project", "list"), ("token", "create", "x"), ("send-event",), ("migrate",)],
    ids=" ".join,
)
def test_without_a_stack_a_command_says_in_one_line_how_to_start_it(nothing: Cli, command: tuple[str, ...]) -> None:
    said = nothing.run(*command, code=1).stderr
    assert said.startswith("premortem: ")
    assert "premortem up" in said
    assert len(said.splitlines()) == 1


def test_without_a_stack_status_and_doctor_fail_and_say_how_to_start_it(nothing: Cli) -> None:
    assert "premortem up" in nothing.run("status", code=1).stdout
    findings = {finding["name"]: finding for finding in nothing.json("doctor", code=1)}
    assert [name for name, finding in findings.items() if finding["healthy"]] == ["python", "code", "disk"]
    assert "premortem up" in findings["postgres"]["mend"]
    assert nothing.json("down") == {"stopped": False}


def test_a_setting_that_makes_no_sense_is_named(nothing: Cli) -> None:
    said = nothing.run("status", code=1, PREMORTEM_HTTP_PORT="many").stderr
    assert "PREMORTEM_HTTP_PORT" in said
    assert "Traceback" not in said
