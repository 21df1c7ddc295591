"""The log against the incident store: records, rows, the chain over them, and the fold."""

from collections.abc import Sequence

import msgspec

from premortem.domain.chain import NOTHING, lengthened
from premortem.domain.incident import Incident, evolve
from premortem.domain.work import made_of
from replay.verifying.checked import Check, Wrong, apart, differing
from replay.verifying.incident_records import Kept, Placed

_UNCHAINED = (
    "The store keeps no chain of it: it was written before there were chains. Fill it in: premortem replay rebuild "
    "--swap."
)


class Link(msgspec.Struct, frozen=True):
    """A fact in the chain, the head with it, and the incident after it."""

    placed: Placed
    head: str
    incident: Incident


def links_of(kept: Kept) -> tuple[Link, ...]:
    """Return the chain by the log: of each fact that `materialize` folds, once, in order."""
    links: list[Link] = []
    incident, chain = None, NOTHING
    for placed in kept.facts:
        try:
            after = evolve(incident, placed.fact)
        except Exception:  # noqa: BLE001, S112 -- such a fact is a dead letter: it is in no chain
            continue
        if after is None or after is incident:
            continue
        chain = lengthened(chain, incident, after, placed.record.value)
        incident = after
        links.append(Link(placed, chain, after))
    return tuple(links)


def state_checks(kept: Kept, links: Sequence[Link]) -> tuple[Check, ...]:
    """Return the checks of what stands on the log against what is stored of it."""
    return (
        _records(kept),
        _ids(kept),
        _rows(kept, links),
        _chain_of_rows(kept, links),
        _head(kept, links),
        _upon(links),
        _fold(kept, links),
    )


def _records(kept: Kept) -> Check:
    wrong = [Wrong(f"offset {offset}", "a fact", why) for offset, why in kept.unread]
    for each in kept.facts:
        wrong += differing(each.where, [("incident", kept.incident_id, each.fact.incident_id)])
    if not kept.records:
        wrong.append(Wrong("the log", "the incident's facts", "nothing"))
    return Check(what="records can be read", count=len(kept.records), wrong=tuple(wrong))


def _ids(kept: Kept) -> Check:
    first: dict[str, Placed] = {}
    wrong: list[Wrong] = []
    again = 0
    for each in kept.facts:
        known = first.setdefault(each.fact.id, each)
        if known is each:
            continue
        again += 1
        same = (type(known.fact).__name__, type(each.fact).__name__)
        wrong += differing(f"{each.where}, id {each.fact.id}", [("kind", *same)])
    said = (f"{again} written again under the same id: the first one counts.",) if again else ()
    return Check(what="ids name one fact each", count=len(first), wrong=tuple(wrong), said=said)


def _rows(kept: Kept, links: Sequence[Link]) -> Check:
    """Compare the rows of the timeline with the records up to where the store has come."""
    passed = kept.saved.offset if kept.saved else -1
    due: dict[str, Placed] = {each.placed.fact.id: each.placed for each in links if each.placed.record.offset <= passed}
    rows = {row.fact_id: row for row in kept.rows}
    wrong = [Wrong(due[fact_id].where, "its row", "no row") for fact_id in due if fact_id not in rows]
    for fact_id, row in rows.items():
        placed = due.get(fact_id)
        if placed is None:
            wrong.append(Wrong(f"offset {row.offset} {row.kind}, fact {fact_id}", "no such fact on the log", "a row"))
            continue
        fact, record = placed.fact, placed.record
        wrong += differing(
            placed.where,
            [
                ("place", f"{record.partition}/{record.offset}", f"{row.partition}/{row.offset}"),
                ("kind", type(fact).__name__, row.kind),
                ("occurred at", fact.occurred_at, row.occurred_at),
            ],
        )
        if record.value != row.value:
            wrong.append(Wrong(f"{placed.where}, the row's bytes", *apart(record.value, row.value)))
    if kept.saved is None and kept.facts:
        wrong.append(Wrong("the store", f"incident {kept.incident_id}", "no such incident"))
    behind = len(links) - len(due)
    said = (f"materialize has {behind} of its facts before it.",) if behind and kept.saved else ()
    return Check(what="rows are the records of the log", count=len(rows), wrong=tuple(wrong), said=said)


def _chain_of_rows(kept: Kept, links: Sequence[Link]) -> Check:
    heads: dict[str, Link] = {each.placed.fact.id: each for each in links}
    wrong: list[Wrong] = []
    gone = sum(row.chain == NOTHING for row in kept.rows)
    for row in kept.rows:
        link = heads.get(row.fact_id)
        if row.chain != NOTHING and link is not None:
            wrong += differing(link.placed.where, [("", link.head, row.chain)])
    return Check(
        what="hash chain of the rows",
        count=len(kept.rows),
        gone=gone,
        wrong=tuple(wrong[:1]),
        said=((_UNCHAINED,) if gone else ()) + _behind_first(wrong),
    )


def _behind_first(wrong: Sequence[Wrong]) -> tuple[str, ...]:
    return (f"So do the {len(wrong) - 1} links behind it.",) if len(wrong) > 1 else ()


def _head(kept: Kept, links: Sequence[Link]) -> Check:
    saved = kept.saved
    if saved is None:
        return Check(what="hash chain of the incident", count=0)
    passed = [each.head for each in links if each.placed.record.offset <= saved.offset]
    if saved.chain == NOTHING:
        return Check(what="hash chain of the incident", count=1, gone=1, said=(_UNCHAINED,))
    wrong = differing("the incident's row", [("", passed[-1] if passed else "no fact", saved.chain)])
    return Check(what="hash chain of the incident", count=1, wrong=tuple(wrong))


def _upon(links: Sequence[Link]) -> Check:
    """Compare the heads that answers say they were made upon with the chain before them."""
    known: set[str] = set()
    wrong: list[Wrong] = []
    count = 0
    for each in links:
        made = made_of(each.placed.fact)
        if made is not None and made.upon:
            count += 1
            if made.upon not in known:
                wrong.append(Wrong(each.placed.where, "a head of the chain before it", made.upon))
        known.add(each.head)
    return Check(what="heads that answers were made upon", count=count, wrong=tuple(wrong))


def _fold(kept: Kept, links: Sequence[Link]) -> Check:
    saved = kept.saved
    folded = [each.incident for each in links if saved is not None and each.placed.record.offset <= saved.offset]
    if saved is None or not folded:
        return Check(what="the fold is the stored incident", count=0)
    fields = type(saved.incident).__struct_fields__
    pairs = [(name, getattr(folded[-1], name), getattr(saved.incident, name)) for name in fields]
    wrong = differing("the incident's row", pairs)
    return Check(what="the fold is the stored incident", count=len(fields), wrong=tuple(wrong))
