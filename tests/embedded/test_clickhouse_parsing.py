"""The pure parts of the ClickHouse interface: where data begins, formats, parameters, encodings; whatever the bytes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.embedded.clickhouse.answer import Refused, code_of, empty_native_block, error_text, status_of
from premortem.embedded.clickhouse.encoding import chosen, compressor, decompressed
from premortem.embedded.clickhouse.request import Limits, Statement, form, parameters, statement
from premortem.embedded.clickhouse.statement import Insertion, answer_format, answers_rows, insertion, without_format

_ENCODINGS = ["lz4", "zstd", "br", "gzip", "deflate"]


@given(
    st.binary(max_size=200),
    st.sampled_from([b"INSERT INTO t", b"insert\tinto `a b'`(`FORMAT X\n`)", b" INSERT INTO t -- '\n"]),
)
def test_the_rows_of_an_insertion_begin_after_the_line_that_names_their_format(data: bytes, sql: bytes) -> None:
    expected = Insertion(sql.decode() + " ", "Native", data)
    found = insertion(b"", sql + b" FORMAT Native\n" + data)
    assert found == expected or (data == b"" and found is None)
    assert insertion(sql + b" FORMAT Native", data) == expected
    assert insertion(sql + b" format Native\r\n", data) == expected


@pytest.mark.parametrize(
    "sql",
    [
        b"INSERT INTO t VALUES ('FORMAT Native\n')",
        b"INSERT INTO t SELECT 1",
        b"SELECT 1 FORMAT Native\n",
        b"INSERTED FORMAT X\n1",
    ],
)
def test_other_statements_are_no_insertions_with_rows(sql: bytes) -> None:
    assert insertion(b"", sql) is None


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        (b"SELECT 1", ("TabSeparated", True)),
        (b"-- c\n(SELECT 1) FORMAT Native", ("Native", True)),
        (b"WITH 1 AS x SELECT x FORMAT JSON ;", ("JSON", False)),
        (b"SELECT 1 FORMAT JSON SETTINGS a='x;y', b=1", ("JSON", False)),
        (b"SELECT 1 FORMAT JSON -- a comment hides it", ("TabSeparated", False)),
        (b"SELECT format('{}', 1)", ("TabSeparated", False)),
        (b"SHOW TABLES FORMAT Native", ("Native", False)),
    ],
)
def test_an_answer_is_streamed_only_when_its_format_is_certain(sql: bytes, answer: tuple[str, bool]) -> None:
    assert answer_format(sql, "TabSeparated") == answer


def test_statements_that_answer_are_told_from_those_that_do_not() -> None:
    assert all(answers_rows(sql) for sql in (b" /* c */ select 1", b"((SELECT 1))", b"SHOW TABLES", b"--\nEXISTS t"))
    assert not any(answers_rows(sql) for sql in (b"CREATE TABLE t", b"INSERT INTO t", b"SET a = 1", b"", b"--", b"/*"))
    assert without_format(b"SELECT 1 FORMAT Native SETTINGS a = 1") == b"SELECT 1 "


_HOSTILE = [
    b"INSERT " + b"/*" * 150_000,
    b"INSERT " + b"'" * 300_001,
    b"INSERT " + b"\\'" * 150_000,
    b"INSERT " + b"FORMAT " * 50_000,
    b"INSERT FORMAT" + b" " * 300_000 + b"x",
    b"--" * 150_000,
    b"/*" * 150_000,
    b"(" * 300_000,
    b"SELECT" + b" FORMAT a SETTINGS" * 20_000,
    b"SELECT FORMAT a" + b" " * 300_000 + b"'",
]


@pytest.mark.parametrize("sql", _HOSTILE, ids=range(len(_HOSTILE)))
def test_hostile_statements_are_read_in_linear_time(sql: bytes) -> None:
    begun = time.process_time()
    insertion(b"", sql)
    answers_rows(sql)
    answer_format(sql, "Native")
    without_format(sql)
    assert time.process_time() - begun < 1


@given(st.sampled_from(_ENCODINGS), st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_what_is_compressed_in_pieces_is_read_in_any_pieces(encoding: str, blocks: list[bytes], cut: int) -> None:
    stream = compressor(encoding)
    sent = b"".join([*(stream.piece(block) for block in blocks), stream.end()])
    pieces = [sent[start : start + cut] for start in range(0, len(sent), cut)]
    assert b"".join(decompressed(pieces, encoding, 1 << 20)) == b"".join(blocks)
    if encoding != "br":
        assert b"".join(decompressed([sent, sent], encoding, 1 << 20)) == b"".join(blocks) * 2
    with pytest.raises(Refused):
        list(decompressed([sent[:-1]], encoding, 1 << 20))


@given(st.sampled_from([*_ENCODINGS, "", "snappy"]), st.binary(max_size=100))
def test_bytes_that_are_no_such_encoding_are_refused_or_read(encoding: str, body: bytes) -> None:
    try:
        b"".join(decompressed([body], encoding, 1000))
    except Refused:
        pass


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_a_bomb_is_refused_when_it_has_grown_to_the_limit(encoding: str) -> None:
    stream = compressor(encoding)
    bomb = [stream.piece(bytes(1 << 20)) for _ in range(64)] + [stream.end()]
    sizes: list[int] = []
    pieces = decompressed([b"".join(bomb)], encoding, 8 << 20)
    with pytest.raises(Refused, match="TOO_MANY_BYTES"):
        sizes.extend(map(len, pieces))
    assert sum(sizes) <= 8 << 20
    assert max(sizes) <= 2 << 20


def test_the_cheapest_encoding_that_the_client_takes_is_chosen() -> None:
    assert chosen("gzip, deflate, br, zstd;q=0.5") == "zstd"
    assert chosen("identity") is None
    assert chosen("") is None


@given(st.binary(max_size=100), st.text(max_size=60), st.binary(max_size=100))
def test_any_request_is_read_or_refused(query_string: bytes, content_type: str, body: bytes) -> None:
    try:
        headers = {"content-type": content_type}
        statement("id", parameters(query_string), headers, body, read_only=False, limits=Limits())
    except Refused as refusal:
        status = status_of(refusal.code)
    else:
        status = 200
    assert status in (200, 400, 404, 501)


def test_a_request_names_parameters_settings_database_format_and_deadline() -> None:
    url = parameters(
        b"database=d&param_x=a%00b&max_threads=2&max_execution_time=7&session_id=s&default_format=CSV&query_id=q"
    )
    asked = statement("q", url, {}, b"SELECT 1", read_only=True, limits=Limits(seconds=5, longest_seconds=6))
    assert asked == Statement(
        id="q",
        sql=b"",
        body=b"SELECT 1",
        params={"x": "a\0b"},
        settings={"max_threads": "2"},
        database="d",
        default_format="CSV",
        read_only=True,
        seconds=6,
    )


def test_a_form_has_fields_and_no_files() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT 1\r\n\r\n--b--\r\n'
    assert form(body, "multipart/form-data; boundary=b") == {"query": "SELECT 1\r\n"}
    assert form(body, "text/plain") is None
    with pytest.raises(Refused, match="temporary tables"):
        form(body.replace(b"form-data;", b'form-data; filename="x";'), "multipart/form-data; boundary=b")


@given(st.text(max_size=200))
def test_any_message_becomes_an_error_in_clickhouses_words(message: str) -> None:
    text = error_text(message, "26.9")
    assert text.startswith(b"Code: ")
    assert text.endswith(b"(version 26.9)\n")
    assert code_of("Code: 47. DB::Exception: x") == 47


def test_a_block_of_no_rows_names_its_columns() -> None:
    # Native format: number of columns, number of rows, then name and type of each column (ClickHouse documentation).
    assert empty_native_block([(b"n", b"UInt8")]) == b"\x01\x00\x01n\x05UInt8"
    assert empty_native_block([(b"x" * 200, b"S")])[2:4] == b"\xc8\x01"
