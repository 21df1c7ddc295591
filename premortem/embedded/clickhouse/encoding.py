"""Compressed bodies in, compressed answers out, piece by piece and with a limit."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame
from backports import zstd

from premortem.embedded.clickhouse.answer import BAD_ARGUMENTS, NOT_IMPLEMENTED, TOO_MANY_BYTES, Refused

_GZIP, _PIECE = 31, 1 << 20
_OFFERED = ("lz4", "zstd", "gzip", "deflate", "br")
"""In order of preference: the wire is a loopback, so the cheapest comes first."""


class Compressor(Protocol):
    """Compresses an answer in pieces; each piece can be read when it arrives."""

    def piece(self, block: bytes) -> bytes:
        """Return the compressed block."""

    def end(self) -> bytes:
        """Return what closes the stream."""


def chosen(accept_encoding: str) -> str | None:
    """Return the encoding to answer in, or None for as it is."""
    accepted = {word.split(";")[0].strip().lower() for word in accept_encoding.split(",")}
    return next((name for name in _OFFERED if name in accepted), None)


def compressor(name: str) -> Compressor:
    """Return a compressor for one of the offered encodings."""
    return _COMPRESSORS[name]()


def decompressed(pieces: Iterable[bytes], encoding: str, limit: int) -> Iterator[bytes]:
    """Yield the body as it was before its Content-Encoding: one stream, or several in a row (but one only of br).

    Raises Refused for an unknown encoding, for bytes that are not of it, and for more than `limit` bytes.
    """
    if encoding in ("", "identity"):
        source: Iterator[bytes] = iter(pieces)
    elif encoding in _DECOMPRESSORS:
        source = _DECOMPRESSORS[encoding](filter(None, pieces))
    else:
        raise Refused(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", f"Unknown Content-Encoding {encoding[:40]!r}")
    size = 0
    try:
        for piece in source:
            size += len(piece)
            if size > limit:
                raise Refused(TOO_MANY_BYTES, "TOO_MANY_BYTES", f"The body is larger than {limit} bytes")
            yield piece
    except (zlib.error, brotli.error, zstd.ZstdError, RuntimeError, EOFError) as problem:
        raise Refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"The body is not {encoding}: {problem}") from problem


def _inflate(window: int) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
    def pieces(source: Iterable[bytes]) -> Iterator[bytes]:
        stream = zlib.decompressobj(window)
        for compressed in source:
            while compressed:
                if stream.eof:
                    stream = zlib.decompressobj(window)
                yield stream.decompress(compressed, _PIECE)
                compressed = stream.unused_data if stream.eof else stream.unconsumed_tail
        if not stream.eof:
            raise EOFError("it ends too early")

    return pieces


def _with_limit(new: Callable[[], Any]) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
    """Decompressors with `decompress(data, max_length)`, `needs_input` and `eof`; frames may follow each other."""

    def pieces(source: Iterable[bytes]) -> Iterator[bytes]:
        stream = new()
        for compressed in source:
            while compressed:
                if stream.eof:
                    stream = new()
                yield stream.decompress(compressed, max_length=_PIECE)
                while not stream.eof and not stream.needs_input:
                    yield stream.decompress(b"", max_length=_PIECE)
                compressed = stream.unused_data or b"" if stream.eof else b""
        if not stream.eof:
            raise EOFError("it ends too early")

    return pieces


def _unbrotli(source: Iterable[bytes]) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    for compressed in source:
        yield stream.process(compressed, output_buffer_limit=_PIECE)
        while not stream.can_accept_more_data():
            yield stream.process(b"", output_buffer_limit=_PIECE)
    if not stream.is_finished():
        raise EOFError("it ends too early")


_DECOMPRESSORS: dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "gzip": _inflate(_GZIP),
    "deflate": _inflate(zlib.MAX_WBITS),
    "br": _unbrotli,
    "zstd": _with_limit(zstd.ZstdDecompressor),
    "lz4": _with_limit(lz4.frame.LZ4FrameDecompressor),
}


class _Zlib:
    def __init__(self, window: int) -> None:
        self._stream = zlib.compressobj(1, zlib.DEFLATED, window)

    def piece(self, block: bytes) -> bytes:
        return self._stream.compress(block) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._stream.flush()


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=1)

    def piece(self, block: bytes) -> bytes:
        return bytes(self._stream.process(block) + self._stream.flush())

    def end(self) -> bytes:
        return bytes(self._stream.finish())


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstd.ZstdCompressor(level=1)

    def piece(self, block: bytes) -> bytes:
        return self._stream.compress(block, zstd.ZstdCompressor.FLUSH_BLOCK)

    def end(self) -> bytes:
        return self._stream.flush()


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._head: bytes = self._stream.begin()

    def piece(self, block: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._stream.compress(block))

    def end(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._stream.flush())


_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
    "lz4": _Lz4,
}
