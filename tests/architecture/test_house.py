"""The house stays as it was built: layers, small rooms, no clock inside, no dynamic sinks, every setting documented."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from premortem.settings import Settings

ROOT = Path(__file__).parents[2]
CODE = [p for room in ("premortem", "api", "dataflows", "demo") for p in sorted((ROOT / room).rglob("*.py"))]


def test_imports_point_inward() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def imported(path: Path) -> set[str]:
    """Return the names that a file imports: of modules, and of what is taken from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_no_room_but_the_wiring_names_an_adapter() -> None:
    """Dataflows are built of the parts in `adapters.streams`, which know ports alone."""
    ports = {folder.name for folder in (ROOT / "premortem/adapters").iterdir() if folder.is_dir()}
    named = re.compile(rf"premortem\.adapters\.({'|'.join(ports - {'streams', '__pycache__'})})\b")
    rooms = (
        "api",
        "dataflows",
        "premortem/adapters/streams",
        "premortem/cli",
        "premortem/migrate",
        "premortem/embedded",
        "premortem/workers",
        "premortem/agents",
    )
    for path in [path for room in rooms for path in (ROOT / room).rglob("*.py")]:
        assert not [name for name in imported(path) if named.match(name)], path
    wiring = [name for path in (ROOT / "premortem/bootstrap").glob("*.py") for name in imported(path)]
    assert [name for name in wiring if named.match(name)]


def test_no_file_is_longer_than_four_hundred_lines_and_most_are_short() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in CODE)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] < 100


def test_every_module_says_its_job_in_its_first_line() -> None:
    for path in CODE:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_no_room_has_a_name_that_says_nothing() -> None:
    empty = {
        "manager",
        "helper",
        "helpers",
        "util",
        "utils",
        "common",
        "misc",
        "data",
        "info",
        "core",
        "base",
        "process",
    }
    assert [path for path in CODE if empty & {*path.with_suffix("").parts[len(ROOT.parts) :]}] == []


def test_no_dataflow_writes_through_a_dynamic_sink_or_bytewaxs_windows() -> None:
    """Bytewax does not wait for a dynamic sink's writes before it closes an epoch; its windows read the wall clock."""
    for path in CODE:
        text = path.read_text()
        assert not re.search(r"import .*DynamicSink|\(DynamicSink|operators\.windowing", text), path


def test_the_pure_rooms_hold_no_set_literals_in_stored_types() -> None:
    for path in [*(ROOT / "premortem/domain").glob("*.py")]:
        assert not re.search(r"^    \w+: (?:frozenset|set)\[", path.read_text(), re.M), path


def example() -> str:
    """Return what .env.example must say."""
    lines = ["# Every setting with its default. Copy to .env, or set in the environment.", ""]
    for name, field in Settings.model_fields.items():
        default = field.default
        lines += [f"# {field.description}", f"#PREMORTEM_{name.upper()}={'' if default is None else default}", ""]
    return "\n".join(lines)


def test_the_example_of_the_environment_names_every_setting() -> None:
    """Written from the settings: `python -m tests.architecture.write_env_example` mends it."""
    assert (ROOT / ".env.example").read_text() == example()


def test_locks_hold_hashes_and_no_addresses() -> None:
    for name in ("runtime", "dev"):
        text = (ROOT / f"requirements/{name}.lock").read_text()
        assert "://" not in text
        pins = re.findall(r"^([\w.\-]+)==", text, re.M)
        assert len(pins) > 40
        assert text.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize("room", ["premortem", "api", "dataflows"])
def test_nothing_but_the_edge_reads_a_clock(room: str) -> None:
    allowed = (
        "adapters/clock",
        "dataflows/together.py",  # watches that the clock does not step back; stores nothing
        "embedded/",
        "adapters/streams",
        "adapters/event_log/memory.py",
        "cli/",
        "task_queue/memory",
    )
    for path in (ROOT / room).rglob("*.py"):
        if any(part in path.as_posix() for part in allowed):
            continue
        text = path.read_text()
        assert not re.search(r"\btime\.time\(|time_ns\(|datetime\.now\(|utcnow\(", text), path
