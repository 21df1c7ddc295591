"""One digest over all incidents: equal states give equal digests, wherever they are kept."""

import hashlib
from collections.abc import Iterable


def digest_of(rows: Iterable[tuple[str, bytes]]) -> str:
    """Return the SHA-256 (hex) over (id, canonical bytes) in order of id, each with its length first."""
    digest = hashlib.sha256()
    for incident_id, value in rows:
        for part in (incident_id.encode(), value):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
