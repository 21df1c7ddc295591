"""What the ClickHouse server keeps: through a clean stop, through kill -9, and against a second owner."""

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.domain.archive import ArchivedEvent
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.exceptions import Unavailable
from premortem.migrate import MIGRATIONS, migrate_clickhouse

StartServer = Callable[..., Any]

_ROOT = Path(__file__).parents[2]
_ACME, _SHOP, _BOOM = TenantId("acme"), ProjectId(1), Fingerprint("b" * 32)


def _event(number: int) -> ArchivedEvent:
    return ArchivedEvent(
        tenant_id=_ACME,
        project_id=_SHOP,
        event_id=EventId(f"{number:032x}"),
        fingerprint=_BOOM,
        occurred_at=1_767_268_800_000 + number,
        received_at=1_767_268_800_000 + number,
        level="error",
        platform="python",
        release="1",
        environment="production",
        user_hash=str(number),
        title="boom",
        tags=(),
        payload=b"{}" * 500,
    )


def test_a_clean_stop_waits_for_no_query_and_keeps_everything(clickhouse_process: StartServer, tmp_path: Path) -> None:
    server = clickhouse_process(tmp_path / "engine")
    migrate_clickhouse(server.url, MIGRATIONS / "clickhouse")
    store = ClickHouseEvidenceStore(server.url)
    store.insert([_event(number) for number in range(1000)])
    store.close()
    sql = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(number)"
    threading.Thread(target=_ask_and_forget, args=(server.port, sql), daemon=True).start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%ignore(num%' AND query NOT LIKE '%processes%'"
    while httpx.post(f"http://127.0.0.1:{server.port}/", content=running, timeout=90).text != "1\n":
        time.sleep(0.05)
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 9
    store = ClickHouseEvidenceStore(clickhouse_process(tmp_path / "engine").url)
    assert store.count_events() == 1000
    store.close()


def test_no_acknowledged_row_is_lost_by_kill_9(clickhouse_process: StartServer, tmp_path: Path) -> None:
    server = clickhouse_process(tmp_path / "engine")
    migrate_clickhouse(server.url, MIGRATIONS / "clickhouse")
    acknowledged = 0
    for round_number in range(3):
        store = ClickHouseEvidenceStore(server.url)
        killer = threading.Timer(0.3 + 0.11 * round_number, server.process.kill)
        with suppress(Unavailable):
            for turn in itertools.count():
                store.insert([_event(number) for number in range(acknowledged, acknowledged + 100)])
                acknowledged += 100
                if not turn:
                    killer.start()
        killer.join()
        store.close()
        assert server.process.wait(60) == -signal.SIGKILL
        server = clickhouse_process(tmp_path / "engine")
    assert acknowledged > 0
    store = ClickHouseEvidenceStore(server.url)
    # A batch that was stored but not acknowledged may be there too: its events come again, and count once.
    store.insert([_event(number) for number in range(acknowledged, acknowledged + 100)])
    total = acknowledged + 100
    assert store.count_events() == total
    sightings = store.sightings(_ACME, _SHOP, _BOOM)
    assert sightings is not None
    assert sightings.events == total
    assert sum(count.count for count in store.counts(_ACME, _SHOP, _BOOM, 0, 1 << 60)) == total
    store.close()


def test_every_table_that_holds_rows_is_synced_to_disk_before_an_insertion_is_acknowledged(
    clickhouse_database: str,
) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_database) as client:
        tables = dict(
            client.query(
                "SELECT name, create_table_query FROM system.tables"
                " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
            ).result_rows
        )
    ledgers = {"schema_migrations", "schema_checksums"}
    assert len(tables.keys() - ledgers) == 7
    for name in tables.keys() - ledgers:
        assert "fsync_after_insert = 1, fsync_part_directory = 1" in tables[name]


def test_a_second_server_on_the_same_directory_says_so_and_ends(
    clickhouse_process: StartServer, tmp_path: Path
) -> None:
    server = clickhouse_process(tmp_path / "engine")
    ended = _serve(f"--path={tmp_path / 'engine'}", "--port=0")
    assert ended.returncode == 1
    assert "cannot open" in ended.stderr
    assert "another process" in ended.stderr
    assert httpx.get(f"http://127.0.0.1:{server.port}/ping").text == "Ok.\n"
    ended = _serve(f"--path={tmp_path / 'elsewhere'}", f"--port={server.port}")
    assert ended.returncode == 1
    assert "Choose another port" in ended.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_the_server_listens_on_loopback_alone(tmp_path: Path, host: str) -> None:
    ended = _serve(f"--path={tmp_path / 'engine'}", "--port=0", f"--host={host}")
    assert ended.returncode == 2
    assert "loopback" in ended.stderr


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "premortem.embedded.clickhouse", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _ask_and_forget(port: int, sql: str) -> None:
    with suppress(httpx.HTTPError, ClickHouseError):
        httpx.post(f"http://127.0.0.1:{port}/", content=sql, timeout=30)
