"""Alert rules and dashboard: they load and read only what `/metrics` really tells; alerts fire, and stay silent."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from premortem.ports import Append
from tests.api.conftest import World, item

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "premortem.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [t["expr"] for panel in PANELS for t in panel["targets"]]

_SELECTOR = re.compile(r"\b(premortem_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
_SCRAPED = {"instance", "job"}
"""Labels that Prometheus itself puts on what it reads."""

pytestmark = pytest.mark.anyio


def promtool(*arguments: str | Path) -> str:
    """Run Prometheus' own tool; return what it says when it is not content."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool: alert rules cannot be read as Prometheus does (install the package prometheus)")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


async def series(world: World) -> dict[str, list[dict[str, str]]]:
    """Return the labels of each series that a gateway with some traffic tells, by name."""
    world.log.append([Append("sentry.events", "k", b"x", 0)])
    event = b'{"event_id":"' + b"a" * 32 + b'","message":"m","extra":{"password":"hunter2"}}'
    header = b'{"event_id":"' + b"a" * 32 + b'"}\n'
    assert (await world.envelope(header + item("event", event))).status_code == 200
    assert (await world.envelope(header + item("event", b"{"))).status_code == 400
    world.log.away = True
    assert (await world.envelope(header + item("event", event))).status_code == 503
    text = (await world.client.get("/metrics")).text
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_an_expression_reads_only_what_there_is(world: World, expression: str) -> None:
    told = await series(world)
    selectors = _SELECTOR.findall(expression)
    assert selectors or expression.startswith(("up{", "sum(up{"))
    for name, matchers in selectors:
        assert name in told
        wanted = [(label, how, value) for label, how, value in _MATCHER.findall(matchers) if label not in _SCRAPED]
        matching = [
            labels
            for labels in told[name]
            if all(re.fullmatch(value, labels[label]) if how == "=~" else labels[label] == value
                   for label, how, value in wanted)
        ]  # fmt: skip
        assert matching, f"no series of {name} has {wanted}"


def test_prometheus_reads_the_rules_and_the_example_of_its_settings() -> None:
    assert promtool("check", "config", RULES.with_name("prometheus.yml")) == ""


def test_each_alert_fires_in_its_trouble_and_is_silent_beside_it() -> None:
    cases = ROOT / "tests" / "deploy" / "alerts.yml"
    assert promtool("test", "rules", cases) == ""
    assert {rule["alert"] for rule in ALERTS} == set(re.findall(r"Premortem[A-Z]\w+", cases.read_text()))


def test_an_alert_says_what_it_is_and_what_to_do() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 40


def test_prometheus_reads_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    names = (f"r{number}" for number in itertools.count())
    rules = [
        {"record": next(names), "expr": target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for panel in PANELS
        for target in panel["targets"]
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert promtool("check", "rules", file) == ""
    rules[0]["expr"] += ")"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert "parse" in promtool("check", "rules", file)


def test_the_dashboard_asks_where_its_figures_are_and_lays_no_panel_over_another() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert (
        DASHBOARD["templating"]["list"][0] | {"type": "datasource", "query": "prometheus"}
        == (DASHBOARD["templating"]["list"][0])
    )
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
