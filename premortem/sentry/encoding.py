"""Content encodings of request bodies, undone with a cap on the output while it streams.

A gigabyte of zeros is a megabyte of gzip: the decoder is asked for one chunk at a time and stopped at the limit, so a
bomb costs one chunk of memory and a few milliseconds.
"""

import zlib
from collections.abc import Callable, Iterator

import brotli
from backports import zstd

from premortem.exceptions import Malformed, Permanent

_CHUNK = 64 * 1024
_ZSTD_WINDOW_LOG = 23
"""Frames that need more than 8 MiB of window are refused, as RFC 8878 recommends to decoders."""


class TooLarge(Permanent):
    """The decompressed body is larger than this server takes."""


def decompress(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Return the body with its content encoding undone.

    Knows identity, gzip (also several members), deflate (zlib, and raw as some old clients send it), br and zstd.
    Raises TooLarge past `limit` bytes of output; Malformed for another or a nested encoding, for a stream that is
    broken or cut off, and for bytes behind its end.
    """
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        if len(body) > limit:
            raise TooLarge(f"body of {len(body)} bytes exceeds {limit}")
        return body
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise Malformed(f"content encoding {name[:40]!r} is not known. Use gzip, deflate, br, zstd or none.")
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in decoder(body):
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"decompressed body exceeds {limit} bytes")
            chunks.append(chunk)
    except (zlib.error, brotli.error, zstd.ZstdError) as exception:
        raise Malformed(f"body is not valid {name}: {exception}") from exception
    return b"".join(chunks)


def _zlib(body: bytes, wbits: int, members: bool = False) -> Iterator[bytes]:
    rest = body
    while True:
        decoder = zlib.decompressobj(wbits)
        while not decoder.eof:
            chunk = decoder.decompress(rest, _CHUNK)
            rest = decoder.unconsumed_tail
            if chunk:
                yield chunk
            elif not decoder.eof:
                raise Malformed("compressed body is cut off")
        rest = decoder.unused_data
        if not rest:
            return
        if not members:
            raise Malformed("bytes behind the end of the compressed body")


def _gzip(body: bytes) -> Iterator[bytes]:
    return _zlib(body, 31, members=True)


def _deflate(body: bytes) -> Iterator[bytes]:
    # RFC 9110 means zlib; a first byte whose low nibble is not 8 (or a failed header check) cannot be zlib.
    is_zlib = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _zlib(body, 15 if is_zlib else -15)


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    rest = body
    while not decoder.is_finished():
        chunk = decoder.process(rest, output_buffer_limit=_CHUNK)
        rest = b""
        if chunk:
            yield chunk
        elif not decoder.is_finished() and decoder.can_accept_more_data():
            raise Malformed("compressed body is cut off")


def _zstd(body: bytes) -> Iterator[bytes]:
    rest = body
    while True:
        decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
        while not decoder.eof:
            chunk = decoder.decompress(rest, _CHUNK)
            rest = b""
            if chunk:
                yield chunk
            elif not decoder.eof and decoder.needs_input:
                raise Malformed("compressed body is cut off")
        rest = decoder.unused_data
        if not rest:
            return


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
