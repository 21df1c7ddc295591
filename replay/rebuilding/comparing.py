"""Comparing: the rows that a store holds of an incident beside those that the log gives, by field.

`materialize` runs on while a rebuild reads, so a live row may be of another offset than the rebuilt one. That is no
difference: the rebuilt incident is folded to the live row's offset, and compared there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from premortem.ports import Row, Rows, Saved, StoredFact, Suspect
from replay.rebuilding.folding import folded

_SHOWN = 60
_ABSENT = "(none)"
_EMPTY = "(empty)"


class Difference(Struct, frozen=True, kw_only=True):
    """One field, or one row, of an incident that the live store holds otherwise than the log gives."""

    incident_id: str
    table: str
    row: str
    """Which row of the table, where an incident has several."""
    field: str
    """Empty = the whole row."""
    live: str
    rebuilt: str


class Judged(Struct, frozen=True):
    """What is to be said of an incident whose live rows are not the rebuilt ones."""

    verdict: Literal["same", "behind", "ahead", "missing", "extra", "differs"]
    """behind = `materialize` has not come so far yet, and what it has is right. ahead = the live row is of an offset
    behind the folded end: fold on and ask again."""
    differences: Sequence[Difference] = ()


def judge(
    suspect: Suspect,
    rebuilt: Saved | None,
    facts: Sequence[StoredFact],
    ends: Sequence[int],
    positions: Mapping[int, int],
    rows: Callable[[Saved | None, Sequence[StoredFact]], Rows],
) -> Judged:
    """Return what differs, at the offset that the live row is of.

    `rebuilt` and `facts` are the incident as folded up to `ends`, by partition; `positions` is how far `materialize`
    had saved when the live rows were read.
    """
    live = suspect.live["incidents"].get(())
    partition, offset = _place(live)
    if 0 <= partition < len(ends) and offset >= ends[partition]:
        return Judged("ahead")
    behind = rebuilt is not None and _lags(offset, rebuilt, facts, positions)
    if behind:
        rebuilt, facts = folded(facts, offset), [fact for fact in facts if fact.offset <= offset]
    wanted = rows(rebuilt, facts)
    if live is not None and rebuilt is None:
        return Judged("extra", [_whole(suspect, "in the store", _ABSENT)])
    if live is None and rebuilt is not None:
        return Judged("missing", [_whole(suspect, _ABSENT, "on the log")])
    found = [each for table in wanted for each in _in_table(suspect, table, suspect.live[table], wanted[table])]
    return Judged("differs", found) if found else Judged("behind" if behind else "same")


def _place(live: Row | None) -> tuple[int, int]:
    """Return the partition and the offset that a live row is of; (-1, -1) when there is none."""
    if live is None:
        return -1, -1
    partition, offset = live["log_partition"], live["log_offset"]
    return (partition, offset) if isinstance(partition, int) and isinstance(offset, int) else (-1, -1)


def _lags(offset: int, rebuilt: Saved, facts: Sequence[StoredFact], positions: Mapping[int, int]) -> bool:
    """Tell whether `materialize` may rightly be at `offset` of the incident: what it lacks, it has not reached."""
    position = positions.get(rebuilt.partition, 0)
    surely = [each for each in (*(fact.offset for fact in facts), rebuilt.offset) if each < position]
    return max(surely, default=-1) <= offset < rebuilt.offset


def _whole(suspect: Suspect, live: str, rebuilt: str) -> Difference:
    return Difference(incident_id=suspect.incident_id, table="incidents", row="", field="", live=live, rebuilt=rebuilt)


def _in_table(
    suspect: Suspect, table: str, live: Mapping[tuple[object, ...], Row], rebuilt: Mapping[tuple[object, ...], Row]
) -> list[Difference]:
    return [
        Difference(
            incident_id=suspect.incident_id,
            table=table,
            row=" ".join(map(str, key)),
            field=name,
            live=_shown(here),
            rebuilt=_shown(there),
        )
        for key in sorted(live.keys() | rebuilt.keys(), key=str)
        for name, here, there in _in_row(live.get(key), rebuilt.get(key))
    ]


def _in_row(live: Row | None, rebuilt: Row | None) -> list[tuple[str, Any, Any]]:
    """Return (field, live, rebuilt) of what differs; of JSON its fields, and its bytes only when those agree."""
    if live is None or rebuilt is None:
        return [] if live is rebuilt else [("", live and "in the store", rebuilt and "on the log")]
    old, new = _fields(live), _fields(rebuilt)
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    inside = [name for name in names if name.startswith("value.")]
    return [(name, old.get(name), new.get(name)) for name in names if name != "value" or not inside]


def _fields(row: Row) -> dict[str, Any]:
    """Return a row's columns, and of JSON the fields inside it."""
    value = row.get("value")
    try:
        inside = msgspec.json.decode(value) if isinstance(value, bytes) else None
    except ValueError:
        inside = None
    named = inside.items() if isinstance(inside, dict) else ()
    return {**row, **{f"value.{name}": each for name, each in named}}


def _shown(value: Any) -> str:
    text = _ABSENT if value is None else str(value) or _EMPTY
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
