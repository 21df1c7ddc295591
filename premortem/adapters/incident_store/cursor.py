"""Cursors of pages: where the page before ended, as an opaque text."""

import base64
import binascii

from premortem.domain.incident import Incident
from premortem.exceptions import Malformed


def encode(incident: Incident) -> str:
    """Return the cursor of the page behind `incident`."""
    return base64.urlsafe_b64encode(f"{incident.opened_at}:{incident.id}".encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[int, str]:
    """Return (opened_at, id) of the last incident of the page before; raises Malformed for a cursor not of ours."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        opened_at, separator, incident_id = text.partition(":")
        number = int(opened_at)
        if not separator or not incident_id or "\0" in incident_id or abs(number) >= 1 << 62:
            raise ValueError(text)
    except (ValueError, binascii.Error) as exception:
        raise Malformed("the cursor is not one that this server gave out. Leave it out to begin again.") from exception
    return number, incident_id
