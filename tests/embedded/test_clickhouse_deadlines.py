"""The HTTP interface over chDB under strain: deadlines, clients that leave, readers beside writers, limits."""

import gzip
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.exceptions import Unavailable

StartServer = Callable[..., Any]

_RUNAWAY = "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 1"
_RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%{}%' AND query NOT LIKE '%system.processes%'"


def _eventually(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def _ask(base: str, sql: str, **parameters: object) -> httpx.Response:
    return httpx.post(base, params={name: str(value) for name, value in parameters.items()}, content=sql, timeout=90)


@pytest.fixture
def base(clickhouse_url: str) -> str:
    return clickhouse_url.rpartition("/")[0]


def test_a_runaway_query_ends_at_its_deadline(clickhouse_url: str) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_url) as client:
        begun = time.monotonic()
        with pytest.raises(DatabaseError, match="TIMEOUT_EXCEEDED") as caught:
            client.query(_RUNAWAY, settings={"max_execution_time": 1})
        assert 0.9 < time.monotonic() - begun < 30
        assert caught.value.code == 159


def test_a_query_that_the_engine_cannot_interrupt_lets_its_caller_go(
    clickhouse_process: StartServer, tmp_path: Path
) -> None:
    server = clickhouse_process(tmp_path / "engine")
    base = f"http://127.0.0.1:{server.port}"
    # To open a pipe that nobody writes to never ends, and no deadline of the engine's is looked at meanwhile.
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()
    answer = _ask(base, f"SELECT * FROM file('{tmp_path}/pipe', 'LineAsString', 'l String')", max_execution_time=0.5)
    assert 0.5 < time.monotonic() - begun < 30
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (408, "159")
    assert _ask(base, _RUNNING.format("LineAsString")).text == "1\n"
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 9


@pytest.mark.engine_alone
def test_runaway_queries_hold_up_neither_questions_nor_insertions(base: str, clickhouse_empty_database: str) -> None:
    database = clickhouse_empty_database.rpartition("/")[2]
    _ask(base, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n", database=database)
    with ThreadPoolExecutor(20) as threads:
        # More than there are threads for questions: the others wait until the first have met their deadline.
        runaways = [threads.submit(_ask, base, _RUNAWAY, max_execution_time=2) for _ in range(12)]
        _eventually(lambda: not all(runaway.done() for runaway in runaways))
        time.sleep(0.3)
        begun = time.monotonic()
        assert _ask(base, "INSERT INTO t FORMAT TSV\n1\n", database=database).status_code == 200
        assert time.monotonic() - begun < 3
        assert httpx.get(f"{base}/ping").text == "Ok.\n"
        begun = time.monotonic()
        assert _ask(base, "SELECT sum(n) FROM t", database=database).text == "1\n"
        assert time.monotonic() - begun < 10
        assert {runaway.result().status_code for runaway in runaways} == {408}


@pytest.mark.engine_alone
def test_a_client_that_leaves_ends_its_query(base: str) -> None:
    sql = f"{_RUNAWAY} AND 'left-alone' != ''"
    host, port = base.removeprefix("http://").removeprefix("default:@").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("POST", "/", sql)
    running = _RUNNING.format("left-alone")
    _eventually(lambda: _ask(base, running).text == "1\n")
    connection.close()
    _eventually(lambda: _ask(base, running).text == "0\n")


@pytest.mark.engine_alone
def test_a_client_that_leaves_a_stream_ends_it(base: str) -> None:
    sql = "SELECT number, repeat('left-a-stream', 10) FROM numbers(10000000000)"
    running = _RUNNING.format("left-a-stream")
    with httpx.stream("POST", base, content=sql) as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
        assert _ask(base, running).text == "1\n"
    _eventually(lambda: _ask(base, running).text == "0\n")


@pytest.mark.engine_alone
def test_a_client_that_stops_reading_is_let_go_at_the_deadline(base: str) -> None:
    sql = "SELECT number, repeat('stopped-reading', 10) FROM numbers(10000000000)"
    running = _RUNNING.format("stopped-reading")
    with httpx.stream("POST", base, params={"max_execution_time": "3"}, content=sql) as answer:
        assert answer.status_code == 200
        assert _ask(base, running).text == "1\n"
        _eventually(lambda: _ask(base, running).text == "0\n")


def test_readers_see_whole_batches_while_others_insert(clickhouse_empty_database: str) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_empty_database, autogenerate_session_id=False) as client:
        client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        done = threading.Event()

        def insert(writer: int) -> None:
            for batch in range(10):
                rows = [[writer * 1_000_000 + batch * 500 + number, "x" * 200] for number in range(500)]
                client.insert("t", rows, column_names=["n", "s"])

        def read() -> int:
            reads = 0
            while not done.is_set():
                assert client.query("SELECT count() FROM t").first_row[0] % 500 == 0
                reads += 1
            return reads

        with ThreadPoolExecutor(6) as threads:
            readers = [threads.submit(read) for _ in range(3)]
            for writer in [threads.submit(insert, number) for number in range(3)]:
                writer.result()
            done.set()
            assert min(reader.result() for reader in readers) > 0
        assert client.query("SELECT count(), uniqExact(n) FROM t").first_row == (15_000, 15_000)


@pytest.mark.engine_alone
def test_an_answer_of_any_length_is_streamed_and_one_that_cannot_be_is_limited(base: str) -> None:
    with httpx.stream("POST", base, content="SELECT repeat('x', 1000) FROM numbers(100000)", timeout=60) as answer:
        assert sum(len(piece) for piece in answer.iter_raw(1 << 20)) == 100_000 * 1001
    answer = _ask(base, "SELECT concat(toString(number), repeat('x', 1000)) FROM numbers(100000) FORMAT JSON")
    assert "TOO_MANY_ROWS_OR_BYTES" in answer.text
    assert answer.status_code >= 400


@pytest.mark.engine_alone
def test_a_compressed_body_that_grows_too_large_is_refused(base: str) -> None:
    bomb = gzip.compress(b" " * (150 << 20), 1)
    answer = httpx.post(base, content=bomb, headers={"Content-Encoding": "gzip"}, timeout=60)
    assert answer.status_code == 413
    assert "TOO_MANY_BYTES" in answer.text


def test_a_password_is_asked_for_when_there_is_one(clickhouse_process: StartServer, tmp_path: Path) -> None:
    server = clickhouse_process(tmp_path / "engine", password="open:sesame")
    base = f"http://127.0.0.1:{server.port}"
    assert httpx.get(f"{base}/ping").text == "Ok.\n"
    for wrong in (None, ("default", ""), ("default", "wrong")):
        answer = httpx.post(base, content="SELECT 1", auth=wrong)
        assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")
    for right in ({"auth": ("default", "open:sesame")}, {"headers": {"X-ClickHouse-Key": "open:sesame"}}):
        assert httpx.post(base, content="SELECT 1", **right).text == "1\n"
    store = ClickHouseEvidenceStore(f"http://default:open%3Asesame@127.0.0.1:{server.port}/default")
    assert store.version().startswith("2")
    store.close()
    assert server.stop() == 0


def test_the_evidence_store_says_unavailable_when_nobody_answers_or_not_in_time(clickhouse_url: str) -> None:
    store = ClickHouseEvidenceStore(clickhouse_url, query_seconds=1)
    with pytest.raises(Unavailable, match="TIMEOUT_EXCEEDED"):
        store._asking.rows(_RUNAWAY, {})
    with pytest.raises(Unavailable, match="UNKNOWN_TABLE"):
        store._asking.rows("SELECT * FROM nowhere", {})
    store.close()
    nobody = ClickHouseEvidenceStore("http://127.0.0.1:1/default")
    with pytest.raises(Unavailable):
        nobody.count_events()


def test_the_evidence_store_waits_no_longer_than_its_deadline_for_a_silent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = ClickHouseEvidenceStore(f"http://127.0.0.1:{silent.getsockname()[1]}/default", query_seconds=1)
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            store.version()
        assert time.monotonic() - begun < 30


def test_a_client_of_a_stopped_server_hears_of_it(clickhouse_process: StartServer, tmp_path: Path) -> None:
    server = clickhouse_process(tmp_path / "engine")
    with clickhouse_connect.get_client(dsn=server.url) as client:
        threading.Timer(0.5, server.process.terminate).start()
        with pytest.raises((OperationalError, DatabaseError)):
            client.query(_RUNAWAY)
    assert server.process.wait(60) == 0
