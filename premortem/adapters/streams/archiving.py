"""archive: payload records into the evidence store, in inserts of bounded size."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from premortem.adapters.streams.archived import archived_row
from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.delivery import Delivered
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.stopping import Abandoned
from premortem.domain import payload
from premortem.domain.archive import ArchivedRow
from premortem.domain.conservation import Outcome
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Append, LogRecord

_LOGGER = logging.getLogger(__name__)
_MAX_BYTES = 8 << 20
"""Decompressed bytes of one insert; a single body may be larger and then goes alone."""


class TakingAll:
    """Handles the payloads: every record goes on as it is, and is unpacked only when its turn to be inserted comes."""

    def take(self, record: LogRecord, into: list[LogRecord]) -> Outcome:
        """Pass the record on."""
        into.append(record)
        return "out"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return nothing: there is no state."""
        return {}


class Inserts(Protocol):
    """Of an evidence store the end that takes rows."""

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        """Archive rows; when it returns they survive a crash."""


class Archiving:
    """Unpacks and inserts; holds one insert's rows in memory. Waits for the store for ever, if `patience` does."""

    def __init__(self, store: Inserts, patience: Patience, max_bytes: int = _MAX_BYTES) -> None:
        self._store, self._patience, self._max_bytes = store, patience, max_bytes

    def __call__(self, items: Sequence[LogRecord]) -> Delivered:
        """Insert the rows of the records; those that cannot be unpacked or stored become dead letters."""
        letters: list[Append] = []
        pending: list[tuple[LogRecord, ArchivedRow]] = []
        size = 0
        for record in items:
            try:
                body = payload.decode(record.value)
                row = archived_row(body)
            except Exception as exception:  # noqa: BLE001 -- one hostile body must not keep the others from the archive
                letters.append(dead_letter("archive", "sentry.payloads", record, repr(exception)))
                continue
            weight = _weight(body)
            if pending and size + weight > self._max_bytes:
                letters.extend(self._insert(pending))
                pending, size = [], 0
            pending.append((record, row))
            size += weight
        return Delivered(dead_letters=[*letters, *self._insert(pending)])

    def _insert(self, pending: Sequence[tuple[LogRecord, ArchivedRow]]) -> list[Append]:
        """Insert, and return dead letters for rows that the store calls malformed, found by halving."""
        if not pending:
            return []
        try:
            self._patience(lambda: self._try([row for _, row in pending]))
        except Malformed as exception:
            if len(pending) == 1:
                return [dead_letter("archive", "sentry.payloads", pending[0][0], repr(exception))]
            middle = len(pending) // 2
            return [*self._insert(pending[:middle]), *self._insert(pending[middle:])]
        return []

    def _try(self, rows: Sequence[ArchivedRow]) -> None:
        """Insert. What the store raises beyond its promise (a table is missing, say) is no reason to drop a row."""
        try:
            self._store.insert(rows)
        except (Malformed, Unavailable, Abandoned):
            raise
        except Exception as exception:
            raise Unavailable(f"evidence store: {exception!r}"[:500]) from exception


def _weight(body: payload.Body) -> int:
    match body:
        case payload.EventBody():
            return len(body.payload)
        case payload.LogBody():
            return len(body.body) + 256
        case payload.SessionsBody() | payload.DeployBody():
            return 256
