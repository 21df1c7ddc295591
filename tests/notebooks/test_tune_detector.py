"""The analyst's notebook runs without a browser, on files and on a real archive, and draws what the detector does."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.domain.archive import ArchivedEvent
from premortem.domain.ids import EventId, FactId, Fingerprint, ProjectId, TenantId
from premortem.domain.timeline import IncidentSuppressed, decode, encode
from premortem.ports import Append
from tests.builders import detected

NEEDED = "the extra `notebook` is not installed: make .venv/.dev"
pl = pytest.importorskip("polars", reason=NEEDED)
pytest.importorskip("altair", reason=NEEDED)
pytest.importorskip("marimo", reason=NEEDED)

ROOT = Path(__file__).parents[2]
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_793_577_600_000
QUIET, LOUD = "a" * 32, "b" * 32
ONSET = START + 3 * DAY


def run(**arguments: object) -> Mapping[str, Any]:
    """Run the notebook as `python notebooks/tune_detector.py` does, and return what its cells define."""
    from notebooks.tune_detector import app

    _, defined = app.run(defs={"arguments": arguments})
    return defined


def drawn(chart: Any) -> list[int]:
    """Return how many rows each of the chart's frames has."""
    return [len(rows) for rows in json.loads(chart.to_json())["datasets"].values()]


def minutes() -> Iterator[tuple[str, int, int]]:
    """Yield (fingerprint, minute, count): two errors that come once in two hours, and one of them breaks out."""
    for n in range(37):
        yield QUIET, START + n * 2 * HOUR, 1
        yield LOUD, START + n * 2 * HOUR + MINUTE, 1
    for n in range(20):
        yield LOUD, ONSET + 10 * MINUTE + n * MINUTE, n + 1


def facts() -> bytes:
    """Return a timeline on which somebody rejected the outbreak."""
    told = detected(fingerprint=Fingerprint(LOUD), occurred_at=ONSET + 12 * MINUTE)
    said = IncidentSuppressed(
        id=FactId("said"),
        incident_id=told.incident_id,
        tenant_id=told.tenant_id,
        project_id=told.project_id,
        occurred_at=ONSET + HOUR,
        reason="A test.",
        by="ann",
    )
    return encode(told) + b"\n" + encode(said) + b"\n"


def test_on_parquet_it_shows_the_busiest_error_with_its_band_and_its_decisions(tmp_path: Path) -> None:
    counts, timeline = tmp_path / "counts.parquet", tmp_path / "timeline.jsonl"
    rows = [("acme", 1, fingerprint, at, count) for fingerprint, at, count in minutes()]
    pl.DataFrame(rows, ["tenant", "project", "fingerprint", "minute", "count"], orient="row").write_parquet(counts)
    timeline.write_bytes(facts())

    found = run(parquet=counts, timeline=timeline)

    assert found["error"] == ("acme", 1, LOUD)
    opened = found["walk"].filter(decision="opens")
    assert opened.height == 1
    assert (opened["count"] >= opened["upper"]).all()
    assert ONSET < opened["minute"].dt.epoch("ms").item() < ONSET + HOUR
    assert min(drawn(found["series_chart"])) > 0
    swept = found["swept"]
    assert swept["score_opens"].to_list() == sorted({*swept["score_opens"]})
    assert swept["pages_per_week"].min() > 0
    assert swept["precision"].max() == 0.0  # what it finds is what somebody rejected
    assert min(drawn(found["sweep_chart"])) == swept.height


def test_on_an_archive_it_asks_the_very_rollup_that_the_product_keeps(clickhouse_database: str) -> None:
    store = ClickHouseEvidenceStore(clickhouse_database)
    events = [event(n, fingerprint, at + i) for n, (fingerprint, at, i) in enumerate(single())]
    store.insert(events)
    store.insert(events[:50])  # a delivery that came twice counts once
    store.insert([event(9_999, LOUD, ONSET, tenant="other")])
    store.close()

    found = run(clickhouse=clickhouse_database, tenant="acme")

    assert found["table"].select("fingerprint", "events").rows() == [(LOUD, 37 + 210), (QUIET, 37)]
    shown = found["walk"].filter(pl.col("count") > 0)
    expected = {(at, count) for fingerprint, at, count in minutes() if fingerprint == LOUD}
    assert set(shown.select(pl.col("minute").dt.epoch("ms"), "count").rows()) == expected
    assert found["walk"].filter(decision="opens").height == 1
    assert max(drawn(found["series_chart"])) == found["shown"].height > 200


def single() -> Iterator[tuple[str, int, int]]:
    for fingerprint, at, count in minutes():
        yield from ((fingerprint, at, i) for i in range(count))


def event(n: int, fingerprint: str, at: int, tenant: str = "acme") -> ArchivedEvent:
    return ArchivedEvent(
        tenant_id=TenantId(tenant),
        project_id=ProjectId(1),
        event_id=EventId(f"{n:032x}"),
        fingerprint=Fingerprint(fingerprint),
        occurred_at=at,
        received_at=at,
        level="error",
        platform="python",
        release="",
        environment="",
        user_hash="",
        title="KeyError",
        tags=(),
        payload=b"{}",
    )


def test_an_archive_is_asked_for_no_more_than_the_plan_wants(clickhouse_database: str) -> None:
    from notebooks.sources import from_clickhouse

    store = ClickHouseEvidenceStore(clickhouse_database)
    store.insert([event(n, fingerprint, at + i) for n, (fingerprint, at, i) in enumerate(single())])
    store.close()

    counts = from_clickhouse(clickhouse_database, "acme", ONSET, [LOUD])

    assert counts.select(pl.col("count").sum()).collect().item() == 210 + 1
    assert counts.filter(pl.col("count") > 18).select("count").collect()["count"].to_list() == [19, 20]
    assert counts.head(3).collect().height == 3


def test_without_a_source_it_opens_on_sample_data_that_is_called_so(tmp_path: Path) -> None:
    found = run(sample=tmp_path)

    assert found["source"].is_sample
    assert "made up" in found["source"].name
    swept = found["swept"].drop_nulls("delay")
    assert swept["delay"].is_sorted()  # a higher threshold tells later
    assert swept["precision"].is_sorted()  # and of fewer things that a person would reject
    assert set(drawn(found["precision_delay_chart"])) == {swept.height}


def test_the_sample_is_the_same_each_time(tmp_path: Path) -> None:
    from notebooks.sample import write_sample

    one, other = write_sample(tmp_path / "one"), write_sample(tmp_path / "other")

    assert pl.read_parquet(one[0]).equals(pl.read_parquet(other[0]))
    assert one[1].read_bytes() == other[1].read_bytes()


def test_it_runs_as_a_script_on_what_was_exported_from_a_stack(tmp_path: Path, clickhouse_database: str) -> None:
    from notebooks.export import export

    store = ClickHouseEvidenceStore(clickhouse_database)
    store.insert([event(n, fingerprint, at + i) for n, (fingerprint, at, i) in enumerate(single())])
    store.close()
    log = MemoryEventLog(partitions=2)
    log.append([Append("debugging.timeline", "one", line) for line in facts().splitlines()])
    log.append([Append("debugging.timeline", "two", encode(detected("two", tenant_id=TenantId("other"))))])

    counts, timeline = export(clickhouse_database, log, tmp_path, "acme")

    assert pl.read_parquet(counts)["count"].sum() == 37 + 37 + 210
    as_today = b"".join(encode(decode(line)) + b"\n" for line in facts().splitlines())
    assert timeline.read_bytes() == as_today
    arguments = ["--parquet", str(counts), "--timeline", str(timeline)]
    command = [sys.executable, "notebooks/tune_detector.py", "--", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def test_an_argument_that_it_does_not_know_is_named() -> None:
    from notebooks.opening import open_source
    from premortem.exceptions import Malformed

    with pytest.raises(Malformed, match="--parket"):
        open_source({"parket": "counts.parquet"})
    with pytest.raises(Malformed, match="two sources"):
        open_source({"parquet": "counts.parquet", "clickhouse": "stack"})


# ------------------------------------------------------------------------------------------------ no copies
def code() -> list[Path]:
    return [*sorted((ROOT / "notebooks").glob("*.py")), ROOT / "replay/tuning.py", ROOT / "replay/labels.py"]


def test_nothing_here_is_a_copy_of_what_the_detector_does() -> None:
    """Formulas live in the domain: here is neither a body of its functions nor the mathematics to write one."""
    theirs = {body for path in (ROOT / "premortem/domain/detection").glob("*.py") for body in bodies(path)}
    assert len(theirs) > 50
    for path in code():
        assert not set(bodies(path)) & theirs, path
        assert not imported(path) & {"math", "numpy", "scipy", "statsmodels"}, path


def bodies(path: Path) -> Iterator[str]:
    """Yield what each function of the file does, without its name and docstring; one-liners are no copies."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            does = node.body[1:] if ast.get_docstring(node) else node.body
            if len(does) > 1:
                yield ast.dump(ast.Module(does, []))


def test_what_is_walked_is_the_scan_of_the_domain() -> None:
    assert "premortem.domain.detection.scan" in imported(ROOT / "replay/tuning.py")


def test_nothing_that_runs_in_production_imports_the_notebook_or_its_libraries() -> None:
    for room in ("premortem", "api", "dataflows", "replay", "demo"):
        for path in (ROOT / room).rglob("*.py"):
            found = {name.partition(".")[0] for name in imported(path)}
            assert not found & {"altair", "marimo", "notebooks", "polars"}, path


def imported(path: Path) -> set[str]:
    """Return the modules that the file names in its imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found
