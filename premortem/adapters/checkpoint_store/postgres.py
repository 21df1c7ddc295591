"""Checkpoints in PostgreSQL: position and changed state in one transaction."""

from collections.abc import Iterator, Mapping

from premortem.adapters.checkpoint_store.memory import refused
from premortem.adapters.lost_tables import remake_tables
from premortem.adapters.postgres import Pool, connected, statement
from premortem.exceptions import Conflict
from premortem.ports import Checkpoint, Flow

_FETCHED = 2_000
"""Parts of a state that are read at a time: some megabytes."""
_SLICE_BYTES = 1_000_000
"""One statement writes about so much: a whole state in one would meet the deadline of a statement."""


class PostgresCheckpointStore:
    """One row per flow and partition, one per part of the state."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[tuple[Flow, int], int] = {}

    def load(self, flow: Flow, partition: int) -> Checkpoint:
        """Return the checkpoint.

        The state comes by the server's cursor, some thousand parts at a time: each time is a statement of its own with
        its own deadline, and hundreds of megabytes are held once instead of twice.
        """
        place = {"flow": flow, "partition": partition}
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "position"), place).fetchone()
            with connection.cursor("state", binary=True) as cursor:
                cursor.itersize = _FETCHED
                state: dict[str, bytes] = dict(cursor.execute(statement(__file__, "state"), place))
        self._known[flow, partition] = row[0] if row else 0
        return Checkpoint(self._known[flow, partition], state)

    def save(self, flow: Flow, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
        """Store position and changed state."""
        place = {"flow": flow, "partition": partition}
        kept = {name: value for name, value in changed.items() if value is not None}
        removed = [name for name, value in changed.items() if value is None]
        known = self._known.get((flow, partition), 0)
        with connected(self._pool) as connection:
            asked = {**place, "next_offset": next_offset, "known": known}
            if connection.execute(statement(__file__, "advance"), asked).fetchone() is None:
                stored = connection.execute(statement(__file__, "position"), place).fetchone()
                raise Conflict(refused(flow, partition, next_offset, known, stored[0] if stored else 0))
            for arrays in _slices(kept):
                connection.execute(statement(__file__, "put_state"), {**place, **arrays}, binary=True)
            if removed:
                connection.execute(statement(__file__, "remove_state"), {**place, "names": removed})
        self._known[flow, partition] = next_offset

    def positions(self) -> Mapping[tuple[Flow, int], int]:
        """Return the next offset per flow and partition."""
        with connected(self._pool) as connection:
            rows = connection.execute(statement(__file__, "positions")).fetchall()
        return {(flow, partition): next_offset for flow, partition, next_offset in rows}

    def parts(self, name: str) -> Mapping[tuple[Flow, int], bytes]:
        """Return one part of every state."""
        with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(statement(__file__, "parts"), {"name": name}).fetchall()
        return {(flow, partition): value for flow, partition, value in rows}


def remake(pool: Pool) -> list[str]:
    """Make the tables that are missing, and return their names; a table that is left without the other is emptied."""
    made = remake_tables(pool, __file__)
    if made:
        with connected(pool) as connection:
            connection.execute(statement(__file__, "clear"))
    return made


def _slices(kept: Mapping[str, bytes]) -> Iterator[dict[str, list[str] | list[bytes]]]:
    """Yield the parts as names and values of one statement each."""
    names: list[str] = []
    values: list[bytes] = []
    size = 0
    for name, value in kept.items():
        names.append(name)
        values.append(value)
        size += len(name) + len(value)
        if size >= _SLICE_BYTES:
            yield {"names": names, "values": values}
            names, values, size = [], [], 0
    if names:
        yield {"names": names, "values": values}
