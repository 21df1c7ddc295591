"""Whatever was ever written to the log can be read: one example of every version of every kind of record.

A file `examples/<stream>.<kind>.v<version>.json` holds a record as it stands on the log with every field said (`most`),
one that leaves out what may be left out (`least`), and what the fields left out mean (`defaults`). A payload is stored
compressed, so its `frame` (base64) is what really stood on the log. Examples are never changed: a new shape of a record
gets a new version, written with its `v`, and a new file.
"""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from backports import zstd
from msgspec import Raw, Struct

from premortem.domain import payload, project_stream, tasks, timeline

FOLDER = Path(__file__).parents[1] / "examples"
FILES = sorted(FOLDER.glob("*.json"))


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file holds."""

    most: Raw
    least: Raw = Raw()
    """Empty where nothing may be left out."""
    defaults: dict[str, Any] = {}
    frame: str = ""


class Stream(Struct, frozen=True):
    """How one stream's records are written and read, as the JSON inside."""

    union: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


STREAMS = {
    "timeline": Stream(timeline.TimelineEvent, timeline.encode, timeline.decode_as_written),
    "project_stream": Stream(project_stream.ProjectRecord, project_stream.encode, project_stream.decode_as_written),
    "tasks": Stream(tasks.Task, tasks.encode, tasks.decode),
    "payload": Stream(
        payload.Body,
        lambda body: zstd.decompress(payload.encode(body)),
        lambda record: payload.decode(zstd.compress(record)),
    ),
}


def named(path: Path) -> tuple[Stream, str, int]:
    """Return stream, kind and version of an example."""
    stream, kind, version = path.name.removesuffix(".json").split(".")
    return STREAMS[stream], kind, int(version.removeprefix("v"))


def read(path: Path) -> Example:
    return msgspec.json.decode(path.read_bytes(), type=Example)


def kinds(stream: Stream) -> dict[str, type[Struct]]:
    return {str(kind.__struct_config__.tag): kind for kind in get_args(stream.union)}


def unsaid(record: Any, said: Any) -> set[str]:
    """Return the fields of a record, and of the records in it, that its JSON does not name; version 1 is never said."""
    if isinstance(record, tuple):
        return {name for part, its in zip(record, said, strict=True) for name in unsaid(part, its)}
    if not isinstance(record, Struct):
        return set()
    fields: set[str] = {field for field in record.__struct_fields__ if field != "v" or getattr(record, "v", 1) != 1}
    inside = {name for field in fields if field in said for name in unsaid(getattr(record, field), said[field])}
    return {field for field in fields if field not in said} | inside


every_example = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".json"))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_kind_of_record_has_an_example_of_each_of_its_versions(stream: str) -> None:
    found: dict[str, list[int]] = {}
    for path in FILES:
        if path.name.startswith(f"{stream}."):
            _, kind, version = named(path)
            found.setdefault(kind, []).append(version)
    assert set(found) == set(kinds(STREAMS[stream]))
    assert {kind: sorted(versions) for kind, versions in found.items()} == {
        kind: list(range(1, len(versions) + 1)) for kind, versions in found.items()
    }


def test_every_file_here_is_an_example() -> None:
    pattern = re.compile(rf"(?:{'|'.join(STREAMS)})\.\w+\.v[1-9]\d*\.json")
    assert [path.name for path in FOLDER.iterdir() if not pattern.fullmatch(path.name)] == []


@every_example
def test_an_example_is_read_as_its_kind_and_version_and_written_again_byte_for_byte(path: Path) -> None:
    stream, kind, version = named(path)
    example = read(path)
    record: Any
    for raw in filter(bytes, (example.most, example.least)):
        record = stream.decode(bytes(raw))
        assert (type(record), record.v) == (kinds(stream)[kind], version)
        assert stream.encode(record) == bytes(raw)


@every_example
def test_what_a_record_leaves_out_still_means_what_it_meant(path: Path) -> None:
    stream, _, _ = named(path)
    example = read(path)
    record = stream.decode(bytes(example.least) or bytes(example.most))
    assert unsaid(record, msgspec.json.decode(stream.encode(record))) == set(example.defaults)
    for field, meant in example.defaults.items():
        assert msgspec.json.encode(getattr(record, field)) == msgspec.json.encode(meant)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_newest_example_of_a_kind_says_every_field_so_that_a_new_field_asks_for_a_new_version(stream: str) -> None:
    mine = [path for path in FILES if path.name.startswith(f"{stream}.")]
    newest = {named(path)[1]: path for path in sorted(mine, key=lambda path: named(path)[2])}
    for path in newest.values():
        raw = bytes(read(path).most)
        assert unsaid(STREAMS[stream].decode(raw), msgspec.json.decode(raw)) == set(), path.name


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("payload.")], ids=lambda p: p.name)
def test_a_compressed_payload_is_read_as_what_was_compressed(path: Path) -> None:
    example = read(path)
    assert payload.decode(base64.b64decode(example.frame)) == payload.decode(zstd.compress(bytes(example.most)))


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "record", [b"", b"{}", b"[]", b'{"kind":"Unheard"}', b'{"kind":"ErrorSeen","v":1}', b"\xff", b"null"]
)
def test_bytes_that_no_version_wrote_are_a_clear_error(stream: str, record: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        STREAMS[stream].decode(record)


@pytest.mark.parametrize("record", [b"", b"{}", b"\x28\xb5\x2f\xfd", zstd.compress(b"x" * (payload.MAX_BYTES + 1))])
def test_a_payload_that_is_no_frame_or_too_large_is_a_clear_error(record: bytes) -> None:
    with pytest.raises(ValueError, match=r"zstd|cut off"):
        payload.decode(record)


def test_a_payload_is_compressed_alike_each_time() -> None:
    body = payload.decode(zstd.compress(bytes(read(FOLDER / "payload.event.v1.json").most)))
    assert payload.encode(body) == payload.encode(body)
    assert isinstance(body, payload.EventBody)
    assert bytes(body.payload) == '{"level":"error","message":"naïve","extra":{"n":1.5}}'.encode()


def test_every_task_has_a_queue_of_its_own() -> None:
    assert set(tasks.QUEUES) == set(get_args(tasks.Task))
    assert len(set(tasks.QUEUES.values())) == len(tasks.QUEUES)
