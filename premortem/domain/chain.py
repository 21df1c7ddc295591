"""The hash chain over an incident's timeline: each fact is bound to all before it, so that an edit is seen.

The chain is taken over the bytes as they stand on the log, in the log's order, and so asks nothing of the code that
reads them. Who can rewrite everything can rewrite the chain as well: what holds it then is a head that was written down
elsewhere, or the head that a worker's answer was made upon (`evidence.Made.upon`).
"""

import hashlib

from premortem.domain.incident import Incident

NOTHING = ""
"""The chain of an incident that no fact has opened; in a store also that of rows written before there were chains."""


def link(previous: str, record: bytes) -> str:
    """Return the next head: SHA-256 (hex) over the head before and the record, each with its length (8 bytes) first."""
    head = previous.encode()
    sized = (len(head).to_bytes(8, "big"), head, len(record).to_bytes(8, "big"), record)
    return hashlib.sha256(b"".join(sized)).hexdigest()


def lengthened(chain: str, before: Incident | None, after: Incident | None, record: bytes) -> str:
    """Return the chain after `record`, whose fact made `after` of `before`.

    A fact written twice is linked once, and one that came before its incident was opened never. A chain that was not
    kept from the opening on stays unknown (`NOTHING`): one that began in the middle would prove nothing.
    """
    if after is None or after is before:
        return chain
    return chain if before is not None and chain == NOTHING else link(chain, record)
