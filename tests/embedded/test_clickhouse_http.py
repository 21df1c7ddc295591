"""The HTTP interface over chDB, asked by the real client: queries, insertions, streams, errors, encodings."""

import gzip
import random
import re
import socket
import time
import zlib
from collections.abc import Iterator

import brotli
import clickhouse_connect
import httpx
import lz4.frame
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData


@pytest.fixture
def client(clickhouse_empty_database: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=clickhouse_empty_database) as client:
        yield client


def _table(client: Client, columns: str = "n UInt64, s String") -> None:
    client.command(f"CREATE TABLE t ({columns}) ENGINE = MergeTree ORDER BY tuple()")


def test_a_query_answers_columns_types_and_rows(client: Client) -> None:
    result = client.query("SELECT number AS n, toString(number) AS s, toDate('2026-01-02') AS d FROM numbers(3)")
    assert result.column_names == ("n", "s", "d")
    assert [str(row[2]) for row in result.result_rows] == ["2026-01-02"] * 3
    assert [row[:2] for row in result.result_rows] == [(0, "0"), (1, "1"), (2, "2")]


def test_an_answer_without_rows_still_has_its_columns(client: Client) -> None:
    result = client.query("SELECT 1 AS n, 'x' AS s, toLowCardinality('y') AS l WHERE 0 -- nothing")
    assert result.column_names == ("n", "s", "l")
    assert result.result_rows == []
    assert client.query("SELECT 1 AS n, 'x' AS s LIMIT 0").column_names == ("n", "s")


def test_parameters_are_bound_on_the_server(client: Client) -> None:
    hostile = "'; DROP TABLE t -- \\ \n\t\0 {x:String} ü"
    sql = "SELECT {x:String}, {n:Int64}, {a:Array(String)}, {none:Nullable(String)}"
    rows = client.query(sql, {"x": hostile, "n": -5, "a": [hostile, "b"], "none": None}).result_rows
    assert rows == [(hostile, -5, [hostile, "b"], None)]


def test_parameters_too_long_for_a_url_come_as_a_form(client: Client) -> None:
    long = "a\r\n--b" * 20_000
    assert client.query("SELECT length({x:String}), {x:String}", {"x": long}).result_rows == [(len(long), long)]


def test_commands_answer_values_and_say_when_there_is_nothing_to_answer(client: Client) -> None:
    assert client.command("SELECT 41 + 1") == 42
    assert client.command("SELECT 'a', 'b'") == ["a", "b"]
    summary = client.command("CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = Memory")
    assert summary.query_id() != ""
    client.command("INSERT INTO t VALUES (1), (2)")
    assert client.command("SELECT count() FROM t") == 2
    assert client.command("EXISTS TABLE t") == 1


def test_settings_hold_for_one_request_alone(client: Client) -> None:
    sql = "SELECT getSetting('max_block_size')"
    before = client.command(sql)
    assert client.command(sql, settings={"max_block_size": 77}) == 77
    assert client.query(sql, settings={"max_block_size": 78}).first_row == (78,)
    assert client.command(sql) == before


def test_a_database_is_chosen_by_name(client: Client, clickhouse_empty_database: str) -> None:
    assert client.command("SELECT currentDatabase()") == clickhouse_empty_database.rpartition("/")[2]
    assert client.command("SELECT currentDatabase()", settings={"database": "system"}) == "system"


@pytest.mark.parametrize("column_oriented", [False, True])
def test_twenty_thousand_rows_are_inserted_and_counted_in_the_summary(client: Client, column_oriented: bool) -> None:
    _table(client)
    rows = [[number, f"row {number}\n;"] for number in range(20_000)]
    data = list(zip(*rows)) if column_oriented else rows
    summary = client.insert("t", data, column_names=["n", "s"], column_oriented=column_oriented)
    assert summary.written_rows == 20_000
    assert client.query("SELECT count(), sum(n), uniqExact(s) FROM t").first_row == (20_000, 199_990_000, 20_000)


def test_bytes_of_any_kind_survive_an_insertion(client: Client) -> None:
    _table(client)
    chance = random.Random(1)
    values = [b"\n;\nDROP TABLE t;\n", b"FORMAT Native\n", b"\0", *(chance.randbytes(5_000) for _ in range(400))]
    client.insert("t", [range(len(values)), values], column_names=["n", "s"], column_oriented=True)
    stored = client.query("SELECT s FROM t ORDER BY n", query_formats={"String": "bytes"}).result_columns[0]
    assert list(stored) == values


def test_raw_rows_are_inserted_in_the_format_that_they_name(client: Client) -> None:
    _table(client)
    client.raw_insert("t", ["n", "s"], "1\ta\n2\tb;c\n", fmt="TSV")
    client.raw_insert("t", insert_block=gzip.compress(b'{"n":3,"s":"c"}\n'), fmt="JSONEachRow", compression="gzip")
    client.raw_insert("t", insert_block=(part for part in [b"4,", b"d\n"]), fmt="CSV")
    assert client.query("SELECT n, s FROM t ORDER BY n").result_rows == [(1, "a"), (2, "b;c"), (3, "c"), (4, "d")]


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "br", "gzip"])
def test_bodies_and_answers_are_compressed_as_the_client_wishes(clickhouse_empty_database: str, encoding: str) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_empty_database, compress=encoding) as client:
        _table(client)
        # The client sends each block as a Brotli stream of its own, and those cannot be told apart: one block, then.
        for part in range(10) if encoding == "br" else (None,):
            numbers = range(10_000) if part is None else range(part * 1000, part * 1000 + 1000)
            client.insert("t", [[number, "x" * 500] for number in numbers], column_names=["n", "s"])
        assert client.query("SELECT sum(n), any(s) FROM t").first_row == (49_995_000, "x" * 500)
        assert len(client.query("SELECT * FROM t").result_rows) == 10_000
        with client.query_rows_stream("SELECT s FROM t") as stream:
            assert sum(len(row[0]) for row in stream) == 5_000_000


def test_answers_are_really_compressed(clickhouse_url: str) -> None:
    decompress = {
        "lz4": lz4.frame.decompress,
        "zstd": zstd.decompress,
        "br": brotli.decompress,
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
    }
    base, sql = clickhouse_url.rpartition("/")[0], "SELECT repeat('x', 1000) FROM numbers(3000)"
    for encoding, decoded in decompress.items():
        with httpx.stream(
            "POST", base, params={"enable_http_compression": "1"}, headers={"Accept-Encoding": encoding}, content=sql
        ) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == encoding
        assert len(raw) < 300_000
        assert decoded(raw) == (b"x" * 1000 + b"\n") * 3000


def test_blocks_and_rows_are_streamed(client: Client) -> None:
    sql = "SELECT number, repeat('x', 100) FROM numbers(300000)"
    with client.query_row_block_stream(sql) as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 300_000
    assert len(sizes) > 2
    with client.query_column_block_stream(sql) as blocks:
        assert sum(sum(block[0]) for block in blocks) == 300_000 * 299_999 // 2
    with client.raw_stream(sql, fmt="CSV") as stream:
        assert stream.read().count(b"\n") == 300_000


def test_a_stream_that_fails_half_way_is_an_exception_with_its_reason(client: Client) -> None:
    sql = "SELECT throwIf(number = 2000000, 'half way'), repeat('x', 10) FROM numbers(3000000)"
    with pytest.raises(StreamFailureError, match="half way"), client.query_row_block_stream(sql) as blocks:
        assert sum(len(block) for block in blocks) < 3_000_000
    assert client.command("SELECT 1") == 1


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT nope", 47, "UNKNOWN_IDENTIFIER"),
        ("SELEKT 1", 62, "SYNTAX_ERROR"),
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("CREATE TABLE two (n UInt8) ENGINE = Memory; DROP TABLE two", 62, "SYNTAX_ERROR"),
        ("SELECT {x:UInt8}", 456, "UNKNOWN_QUERY_PARAMETER"),
        ("INSERT INTO nowhere VALUES (1)", 60, "UNKNOWN_TABLE"),
        ("SELECT 'not closed", 62, "SYNTAX_ERROR"),
    ],
)
def test_an_error_has_clickhouses_code_and_name(client: Client, sql: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command(sql)
    assert caught.value.code == code
    assert caught.value.name == name


def test_a_broken_insertion_stores_nothing(client: Client) -> None:
    _table(client)
    good = client.raw_query("SELECT number AS n, 'x' AS s FROM numbers(1000)", fmt="Native")
    with pytest.raises(DatabaseError, match="CANNOT_READ_ALL_DATA"):
        client.raw_insert("t", ["n", "s"], good + good[:-7], fmt="Native")
    assert client.command("SELECT count() FROM t") == 0


def test_an_unknown_setting_is_an_error(clickhouse_url: str) -> None:
    answer = httpx.post(clickhouse_url.rpartition("/")[0], params={"no_such_setting": "1"}, content="SELECT 1")
    assert answer.status_code == 404
    assert answer.headers["x-clickhouse-exception-code"] == "115"
    assert answer.text.startswith("Code: 115. DB::Exception: ")
    answer = httpx.post(clickhouse_url.rpartition("/")[0], params={"a = 1, b": "1"}, content="SELECT 1")
    assert answer.headers["x-clickhouse-exception-code"] == "115"


@pytest.mark.engine_alone
def test_external_data_is_refused_with_a_clear_error(client: Client) -> None:
    data = ExternalData(file_name="x", fmt="CSV", structure="n UInt64", data=b"1\n")
    with pytest.raises(DatabaseError, match="NOT_IMPLEMENTED"):
        client.query("SELECT * FROM x", external_data=data)


def test_ping_answers_ok_and_get_is_read_only(clickhouse_url: str) -> None:
    base = clickhouse_url.rpartition("/")[0]
    assert httpx.get(f"{base}/ping").text == "Ok.\n"
    answer = httpx.get(base, params={"query": "SELECT 1 AS n", "default_format": "JSON", "query_id": "my-own"})
    assert answer.json()["data"] == [{"n": 1}]
    assert answer.headers["x-clickhouse-format"] == "JSON"
    assert answer.headers["x-clickhouse-query-id"] == "my-own"
    assert re.fullmatch(r'\{("\w+":"\d+",?)+\}', answer.headers["x-clickhouse-summary"])
    refused = httpx.get(base, params={"query": "CREATE TABLE default.x (n UInt8) ENGINE = Memory"})
    assert refused.headers["x-clickhouse-exception-code"] == "164"
    assert httpx.get(base, params={"query": "SELECT 1", "readonly": "0"}).text == "1\n"
    assert httpx.get(f"{base}/elsewhere").status_code == 404
    assert httpx.post(base).status_code == 400


@pytest.mark.engine_alone
def test_a_connection_is_kept_and_answers_without_delay(clickhouse_url: str) -> None:
    port = int(clickhouse_url.rpartition("/")[0].rpartition(":")[2])
    request = b"GET /?query=SELECT+1 HTTP/1.1\r\nHost: x\r\n\r\n"
    seconds = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(60):
            begun = time.monotonic()
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\n1\n"):
                answer += connection.recv(65_536)
            seconds.append(time.monotonic() - begun)
    assert min(seconds[30:]) < 0.035  # Nagle's algorithm against delayed acknowledgements costs 40 ms, each time


@pytest.mark.engine_alone
def test_garbage_is_refused_and_harms_nobody(clickhouse_url: str) -> None:
    base = clickhouse_url.rpartition("/")[0]
    for content, headers in [
        (b"\xff\xfe\x00;", {}),
        (b"-- nothing", {}),
        (b"SELECT '\xff'", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"SELECT 1")[:-9], {"Content-Encoding": "gzip"}),
        (lz4.frame.compress(b"SELECT 1")[:-6], {"Content-Encoding": "lz4"}),
        (b"x", {"Content-Encoding": "zstd"}),
        (b"x", {"Content-Encoding": "br"}),
        (b"x", {"Content-Encoding": "snappy"}),
        (b"--b\r\nno end", {"Content-Type": "multipart/form-data; boundary=b"}),
        (b"INSERT INTO " + b"'" * 100_000, {}),
        (b"INSERT " + b"/*" * 100_000, {}),
        (b"SELECT " + b"(" * 100_000, {}),
    ]:
        answer = httpx.post(base, content=content, headers=headers, timeout=20)
        assert answer.status_code >= 400, content[:50]
        assert answer.text.startswith("Code: "), answer.text
    assert httpx.post(base, content="SELECT 1").text == "1\n"
