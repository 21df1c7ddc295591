"""What a person sets, asks and tries by command: each a record on the log, or the log read again."""

import time
from pathlib import Path
from typing import Any

import httpx
import orjson

from premortem import bootstrap
from premortem.domain.project_stream import RuleChanged, decode
from tests.cli.conftest import Cli


def send(cli: Cli, error: str, release: str, count: int = 1, **tags: str) -> None:
    """Report an unhandled error of its own type and place, so many times."""
    (project, *_) = cli.json("project", "list")
    key = project["dsns"][0].split("//")[1].split("@")[0]
    url = f"http://127.0.0.1:{cli.settings().http_port}/api/{project['id']}/store/?sentry_key={key}"
    frame = {"module": f"shop.{error}", "function": "fail", "filename": f"{error}.py", "in_app": True}
    value = {"type": error, "value": "broke", "mechanism": {"type": "x", "handled": False}}
    event = {
        "platform": "python",
        "release": release,
        "environment": error,
        "tags": tags,
        "exception": {"values": [value | {"stacktrace": {"frames": [frame]}}]},
    }
    for _ in range(count):
        httpx.post(url, content=orjson.dumps(event), timeout=60).raise_for_status()


def all_read(cli: Cli) -> None:
    """Wait until every dataflow has passed what is on the log now, and then what came of that."""
    deadline = time.monotonic() + 120
    for _ in ("what was sent or said", "what dataflows wrote themselves"):
        ends = {place: head for place, (_, head) in bootstrap.positions(cli.settings()).items()}
        while any(position < ends[place] for place, (position, _) in bootstrap.positions(cli.settings()).items()):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def incident(cli: Cli, text: str, status: str) -> dict[str, Any]:
    """Return the incident with this title when it has the status; "open" = any in which it is not over."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found: list[dict[str, Any]] = cli.json("incidents", "list", "--text", text)
        if found and status == (found[0]["status"] if found[0]["status"] in ("resolved", "suppressed") else "open"):
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"no {status} incident with {text!r}: {cli.json('incidents', 'list')}")


def test_rules_are_set_listed_and_removed(cli: Cli) -> None:
    assert cli.json("rules", "set", "minimum_users", "3", "--project", "1") == {"rule": "minimum_users", "value": 3.0}
    cli.json("rules", "set", "quiet_from", "22:30", "--project", "1")
    assert cli.json("rules", "list", "--project", "1")["rules"] == {"minimum_users": 3.0, "quiet_from": 1350.0}
    assert "minimum_users" in cli.run("rules", "list", "--project", "1").stdout
    for name in ("minimum_users", "quiet_from"):
        cli.json("rules", "remove", name, "--project", "1")
    assert cli.json("rules", "list", "--project", "1")["rules"] == {}
    assert "no gate 'loud'" in cli.refusal("rules", "set", "loud", "1", "--project", "1")
    assert "like 22:30" in cli.refusal("rules", "set", "quiet_from", "25:00", "--project", "1")
    assert "no project 99" in cli.refusal("rules", "set", "minimum_users", "1", "--project", "99")


def test_what_is_set_right_after_another_setting_has_a_later_time(cli: Cli) -> None:
    for value in ("5", "4", "5"):
        cli.json("rules", "set", "minimum_events", value, "--project", "1")
    with bootstrap.event_log(cli.settings()) as log:
        partitions = range(log.partitions("sentry.events"))
        records = [decode(r.value) for p in partitions for r in log.read("sentry.events", p, 0, 100_000)]
    times = [r.received_at for r in records if isinstance(r, RuleChanged) and r.rule == "minimum_events"]
    cli.json("rules", "remove", "minimum_events", "--project", "1")
    assert len(times) == len(set(times)) == 3
    assert times == sorted(times)


def test_numbers_of_the_detector_are_set_within_their_limits(cli: Cli) -> None:
    assert cli.json("configure", "score_opens", "6", "--project", "1") == {"name": "score_opens", "value": 6.0}
    assert cli.json("rules", "list", "--project", "1")["detector"] == {"score_opens": 6.0}
    assert "between 2 and 300" in cli.refusal("configure", "score_opens", "1", "--project", "1")
    assert "score_opens" in cli.refusal("configure", "nonsense", "1", "--project", "1")


def test_an_error_is_muted_and_heard_again(cli: Cli) -> None:
    muted = cli.json("mute", "a" * 32, "--project", "1", "--for", "12h", "--tripwire", "10")
    assert muted["tripwire"] == 10
    (mute,) = cli.json("rules", "list", "--project", "1")["mutes"]
    assert (mute["fingerprint"], mute["until"]) == ("a" * 32, muted["until"])
    cli.json("unmute", "a" * 32, "--project", "1")
    assert cli.json("rules", "list", "--project", "1")["mutes"] == []
    assert "like 90m" in cli.refusal("mute", "a" * 32, "--project", "1", "--for", "soon")


def test_why_says_what_opened_an_incident_and_what_keeps_an_error_silent(cli: Cli) -> None:
    send(cli, "WhyError", "shop@1")
    incident(cli, "WhyError", "open")
    answer = cli.json("why", "--project", "1", "--text", "WhyError")
    assert [told["kind"] for told in answer["told"]] == ["IncidentDetected"]
    shown = cli.run("why", "--project", "1", "--text", "WhyError").stdout
    assert "never sent before: unhandled or fatal" in shown
    assert answer["explanation"]["fingerprint"] in shown
    early = cli.refusal("why", "--project", "1", "--text", "WhyError", "--at", "2020-01-01T00:00")
    assert "no such error by then" in early
    assert "is no time" in cli.refusal("why", "--project", "1", "--text", "x", "--at", "yesterday")


def test_a_resolved_incident_is_opened_again_by_a_newer_release_and_by_no_older_one(cli: Cli) -> None:
    send(cli, "BackError", "shop@1")
    found = incident(cli, "BackError", "open")
    cli.json("incidents", "resolve", found["id"], "--release", "shop@2", "--by", "a person")
    incident(cli, "BackError", "resolved")
    all_read(cli)  # the resolution has reached the detector, too
    send(cli, "BackError", "shop@1", 3)
    all_read(cli)
    time.sleep(1)  # and would have been judged
    incident(cli, "BackError", "resolved")
    send(cli, "BackError", "shop@2")
    incident(cli, "BackError", "open")
    assert "regression" in cli.run("incidents", "show", found["id"]).stdout
    assert "no incident" in cli.refusal("incidents", "resolve", "nothing")
    told = cli.run("postmortem", found["id"]).stdout
    assert told.startswith("# Interim post-mortem: BackError: broke")
    assert "**Open again**" in told
    file = cli.data.parent / "postmortem.md"
    assert cli.run("postmortem", found["id"], "--output", str(file)).stdout == f"Wrote {file}.\n"
    assert file.read_text() == cli.run("postmortem", found["id"]).stdout
    assert "cannot be written" in cli.refusal("postmortem", found["id"], "--output", str(cli.data.parent / "no" / "x"))
    assert "knows no incident" in cli.refusal("postmortem", "nothing")


def test_a_resolution_that_nothing_could_take_back_is_refused_and_found_when_it_was_made_all_the_same(cli: Cli) -> None:
    send(cli, "LintError", "shop@1")
    found = incident(cli, "LintError", "open")
    (fingerprint,) = found["fingerprints"]
    weak = cli.json("incidents", "resolve", found["id"], "--release", "shop@v999")["warnings"]
    assert "nothing was ever heard of release shop@v999" in weak[0]
    incident(cli, "LintError", "resolved")
    assert found["id"] not in [each["id"] for each in cli.json("incidents", "lint", code=None)]
    cli.json("mute", fingerprint, "--project", "1", "--for", "999999w")
    refused = ""
    deadline = time.monotonic() + 60
    while "without an end" not in refused and time.monotonic() < deadline:  # the mute reaches the detector
        time.sleep(0.3)
        refused = cli.run("incidents", "resolve", found["id"], code=None).stderr
    assert "Nothing could open it again: its error is muted" in refused
    assert "--anyway" in refused
    assert "muted" in cli.json("incidents", "resolve", found["id"], "--anyway")["warnings"][0]
    (linted,) = [each for each in cli.json("incidents", "lint", code=3) if each["id"] == found["id"]]
    assert (linted["verdict"], linted["reasons"][0]["mend"]) == ("never", f"premortem unmute {fingerprint} --project 1")
    assert "by nothing" in cli.run("incidents", "lint", "--project", "1", code=3).stdout
    cli.json("unmute", fingerprint, "--project", "1")


def test_a_person_answers_an_incident_and_is_told_what_is_missing(cli: Cli) -> None:
    send(cli, "AnswerError", "shop@1")
    found = incident(cli, "AnswerError", "open")
    assert "needs a text" in cli.refusal("incidents", "respond", found["id"], "reject_cause")
    assert "--for 1w" in cli.refusal("incidents", "respond", found["id"], "suppress", "--text", "a load test")
    answer = ("incidents", "respond", found["id"], "suppress", "--text", "password=hunter22hunter22", "--by", "ann")
    fact = cli.json(*answer, "--for", "1w")["fact"]
    incident(cli, "AnswerError", "suppressed")
    timeline = cli.json("incidents", "show", found["id"])["timeline"]
    (said,) = [each for each in timeline if each["id"] == fact]
    assert (said["by"], said["action"]) == ("ann", "suppress")
    assert "hunter22" not in said["text"]
    assert "a note" in cli.refusal("incidents", "respond", found["id"], "acknowledge").lower()


def test_a_backtest_says_what_other_numbers_would_have_told_and_fails_beyond_a_limit(cli: Cli, tmp_path: Path) -> None:
    send(cli, "BacktestError", "shop@1")
    incident(cli, "BacktestError", "open")
    file = tmp_path / "blunt.toml"
    file.write_text("[rules]\nminimum_events = 1000\n")
    found = cli.json("backtest", "--detector", str(file), "--project", "1", "--since", "1d")
    assert "BacktestError" in {removed["title"].partition(":")[0] for removed in found["removed"]}
    assert found["pages_per_week"]["candidate"] < found["pages_per_week"]["current"]
    limited = ("backtest", "--detector", str(file), "--project", "1", "--since", "1d", "--most-removed", "0")
    assert "incidents removed" in cli.run(*limited, code=3).stderr
    cli.run(*limited[:-1], "1000")


def test_a_suppression_is_added_with_owner_and_reason_listed_and_removed(cli: Cli) -> None:
    (project,) = cli.json("project", "create", "noisy")
    number = str(project["id"])
    cli.run("send-event", "first", "--dsn", project["dsns"][0])
    added = cli.json(
        "suppress", "add", "bots", "--project", number, "--title", "*bot*", "--reason", "known", "--owner", "ann"
    )
    assert added["name"] == "bots"
    (found,) = cli.json("suppress", "list", "--project", number)
    assert (found["title"], found["reason"], found["owner"]) == ("*bot*", "known", "ann")
    assert "bots" in cli.run("rules", "list", "--project", number).stdout
    assert "what is to be suppressed" in cli.refusal("suppress", "add", "x", "--project", number, "--reason", "y")
    assert "no rule 'other'" in cli.refusal("suppress", "remove", "other", "--project", number)
    cli.json("suppress", "remove", "bots", "--project", number)
    assert cli.json("suppress", "list", "--project", number) == []


def test_a_suppression_by_tag_matches_what_a_client_sends_and_no_other_value(cli: Cli) -> None:
    add = ("suppress", "add", "crawlers", "--project", "1", "--reason", "known")
    cli.json(*add, "--tag", "client kind=crawler")  # ingest makes a dash of the blank
    send(cli, "CrawledError", "shop@1", **{"client kind": "crawler"})
    incident(cli, "CrawledError", "suppressed")
    send(cli, "ClickedError", "shop@1", **{"client kind": "browser"})
    incident(cli, "ClickedError", "open")
    assert [rule["tag"] for rule in cli.json("suppress", "list", "--project", "1")] == ["client kind=crawler"]
    assert "name=value" in cli.refusal(*add, "--tag", "crawler")
    cli.json("suppress", "remove", "crawlers", "--project", "1")
