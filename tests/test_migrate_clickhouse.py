"""The migrations runner, over the ClickHouse engine itself.

The engine lives in a process of its own: it can be opened once a process, and takes some 400 MB.
"""

import json
import subprocess
import sys
from pathlib import Path

_PROGRAM = r"""
import json, sys
from pathlib import Path
import clickhouse_connect
from premortem.exceptions import Conflict
from premortem.migrate import migrate_clickhouse, pending_clickhouse

here = Path(sys.argv[1])
client = clickhouse_connect.get_client(interface="chdb", path=str(here / "engine"))
files = here / "files"
seen = {}

def attempt(name):
    told = []
    try:
        applied = migrate_clickhouse(client, files, lambda step, detail: told.append(detail))
        assert told == applied
        seen[name] = applied
    except Conflict as problem:
        seen[name] = str(problem)

(files / "0001_first.sql").write_text(
    "-- migrate:up\n# a comment; of theirs\nCREATE TABLE IF NOT EXISTS a (s String) ENGINE = MergeTree ORDER BY s;\n"
    "INSERT INTO a VALUES ('x;\\'y');\n-- migrate:down\nDROP TABLE a;\n"
)
seen["pending"] = [pending_clickhouse(client, files)]
attempt("first")
seen["pending"].append(pending_clickhouse(client, files))
attempt("again")
(files / "0002_bad.sql").write_text("-- migrate:up\nCREATE TABLE IF NOT EXISTS b (n Int32) ENGINE = Memory; SELEKT;\n")
attempt("bad")
(files / "0002_bad.sql").write_text("-- migrate:up\nCREATE TABLE IF NOT EXISTS b (n Int32) ENGINE = Memory;\n")
attempt("mended")
(files / "0001_first.sql").write_text("-- migrate:up\nSELECT 1;\n")
attempt("edited")
seen["rows"] = client.query("SELECT s FROM a").result_rows
seen["ledger"] = client.query("SELECT version FROM schema_migrations FINAL ORDER BY 1").result_rows
print(json.dumps(seen))
"""


def test_files_are_applied_once_and_a_failed_one_again_and_an_edited_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert seen["pending"] == [["0001_first.sql"], []]
    assert seen["first"] == ["0001_first.sql"]
    assert seen["again"] == []
    assert seen["bad"].startswith("0002_bad.sql failed:")
    assert seen["mended"] == ["0002_bad.sql"]
    assert "0001_first.sql was edited after it was applied" in seen["edited"]
    assert seen["rows"] == [["x;'y"]]
    assert seen["ledger"] == [["0001"], ["0002"]]
