"""The ids of traces: the same incident, step and attempt have the same one everywhere."""

import hashlib

from premortem.domain.ids import IncidentId


def trace_id_of(incident: IncidentId, step: str, attempt: int) -> str:
    """Return 32 hexadecimal digits, as Langfuse derives a trace's id from a seed: the head of its SHA-256."""
    return hashlib.sha256(f"{incident}/{step}/{attempt}".encode()).hexdigest()[:32]
