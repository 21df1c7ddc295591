"""Bodies of the old `/store/` endpoint, which may be base64, and zlib inside it."""

import base64
import binascii

from premortem.exceptions import Malformed
from premortem.sentry import encoding


def decode(body: bytes, limit: int = 1 << 20) -> bytes:
    """Return the JSON of a `/store/` body: as it is, or base64, or base64 of zlib (as raven-node sends it).

    Raises Malformed when it is none of these, `encoding.TooLarge` past `limit` bytes of output.
    """
    if body.lstrip()[:1] == b"{":
        return body
    try:
        decoded = base64.b64decode(body, validate=True)
    except binascii.Error as exception:
        raise Malformed("body is neither a JSON object nor base64") from exception
    return decoded if decoded[:1] == b"{" else encoding.decompress(decoded, "deflate", limit)
