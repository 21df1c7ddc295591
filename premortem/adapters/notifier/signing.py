"""Signatures of outgoing webhooks, after the Standard Webhooks specification (standard-webhooks/spec, version 1).

The signed text is `id.timestamp.body`; a signature is `v1,` and the base64 of its HMAC-SHA256. The header holds one for
each live secret, so that a receiver that knows the old one or the new one believes it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from premortem.exceptions import Malformed

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret; Malformed unless it is `whsec_` and the base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise Malformed(f"a webhook's secret is {PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} bytes.")
    return key


def signature(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`; `timestamp` in seconds since 1970. Raises Malformed without a secret."""
    if not secrets:
        raise Malformed("a webhook needs a secret that signs it.")
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key_of(secret), signed, hashlib.sha256).digest() for secret in secrets]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
