"""Fingerprints: which errors are the same error. Sentry's grouping semantics, versioned and pure.

Two events are of one group when they share a hash. An event has one or two: by the application's own frames (`app`)
and by all frames (`system`), or one by its message, its checksum, or the fingerprint that the client set.
"""

from premortem.domain.fingerprint import kept
from premortem.domain.fingerprint.grouping import VERSION, Grouping, explain, group

__all__ = ["VERSION", "Grouping", "explain", "group", "kept"]
