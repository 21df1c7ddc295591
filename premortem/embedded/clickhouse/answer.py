"""What ClickHouse says: status codes, error texts, summaries, the header block of an empty Native answer. Pure."""

import re
from collections.abc import Sequence

import orjson
from msgspec import Struct

_CODE = re.compile(r"Code: (\d+)\. ")

BAD_ARGUMENTS, NOT_IMPLEMENTED, SYNTAX_ERROR, UNKNOWN_SETTING = 36, 48, 62, 115
TIMEOUT_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, AUTHENTICATION_FAILED = 159, 202, 516
TOO_MANY_BYTES = 307
UNKNOWN_ROUTE, UNKNOWN = 404, 1002

# ClickHouse 26: src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
_STATUS = {
    **dict.fromkeys((6, 26, 27, 32, 33, 36, 38, 41, 43, 53, 62, 70, 72, 117, 130, 131, 338, 386, 457, 469, 472), 400),
    **dict.fromkeys((164, 192, 193, 194, 497, 516), 403),
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 63, 65, 73, 81, 107, 115, 404), 404),
    159: 408,
    **dict.fromkeys((229, 307), 413),
    48: 501,
    **dict.fromkeys((202, 209, 439), 503),
}


class Refused(Exception):
    """A request that is answered with an error: ClickHouse's code and name, and the message."""

    def __init__(self, code: int, name: str, message: str) -> None:
        self.code, self.name, self.message = code, name, message
        super().__init__(f"Code: {code}. DB::Exception: {message} ({name})")


class Summary(Struct):
    """The counts of `X-ClickHouse-Summary`."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    def header(self) -> bytes:
        """Return the header's value: JSON with every number as a string, as ClickHouse writes it."""
        return orjson.dumps({name: str(getattr(self, name)) for name in self.__struct_fields__})


def code_of(message: str) -> int:
    """Return ClickHouse's error code in the engine's message (1002 UNKNOWN_EXCEPTION when it names none)."""
    found = _CODE.search(message)
    return int(found.group(1)) if found else UNKNOWN


def status_of(code: int) -> int:
    """Return the HTTP status that goes with an error code."""
    return _STATUS.get(code, 500)


def error_text(message: str, version: str) -> bytes:
    """Return the body of an error: the message from its `Code:` on, and the version, as ClickHouse ends it."""
    start = max(message.find("Code: "), 0)
    text = message[start:].strip()
    if "Code: " not in text:
        text = f"Code: {UNKNOWN}. DB::Exception: {text} (UNKNOWN_EXCEPTION)"
    if not text.endswith(f"(version {version})"):
        text = f"{text} (version {version})"
    return f"{text}\n".encode(errors="replace")


def exception_in_stream(message: bytes, tag: str) -> bytes:
    """Return what ends a streamed answer that failed half way (ClickHouse 25.11: X-ClickHouse-Exception-Tag)."""
    text = message.rstrip(b"\n") + b"\n"
    mark = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (mark, text, len(text), mark)


def empty_native_block(columns: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a Native block of no rows that still names its columns; chDB itself answers nothing at all then."""
    return _varint(len(columns)) + _varint(0) + b"".join(_text(name) + _text(type_) for name, type_ in columns)


def _text(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
