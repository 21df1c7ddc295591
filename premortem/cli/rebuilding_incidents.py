"""Commands that fold the incidents anew from the timeline: to compare with the stored ones, or to take their place."""

from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from premortem.cli.output import console, json_option, print_json, print_table, say
from premortem.cli.progress import Reading
from premortem.settings import Settings

if TYPE_CHECKING:
    from replay.rebuilding.rebuild import Rebuilt, Verified

_SHAPE = (
    '{"rebuilt": {"counts", "starts", "ends", "digest"}, "live": {"digest", "missing", "differences", ...}, "swapped"}'
)


def rebuild(
    swap: Annotated[bool, typer.Option("--swap", help="Put what the log gives in place of what is stored.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the folded tables in the schema premortem_shadow, to look at by SQL.")
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="Tell at most so many differences; all are counted.")] = 100,
    as_json: Annotated[bool, json_option(_SHAPE)] = False,
) -> None:
    """Fold the whole timeline and compare with the stored incidents, row by row. Exit code 3 when they differ.

    The stack may run meanwhile: an incident that has moved on is compared at the offset that it was stored at.
    """
    from premortem import bootstrap
    from replay.rebuilding import rebuild as replay

    settings, swapped = Settings(), None
    with (
        bootstrap.log_reader(settings) as log,
        bootstrap.shadow_store(settings, keep=keep) as shadow,
    ):
        begun = perf_counter()
        with Reading("Folding the timeline") as reading:
            rebuilt = replay.rebuild(log, shadow, reading)
        seconds = perf_counter() - begun
        live = replay.verify(log, shadow, rebuilt, most)
        if not as_json:
            _tell_rebuilt(rebuilt, seconds)
            _tell_live(rebuilt, live)
        if swap:
            swapped = replay.swap(log, shadow, rebuilt)
    if as_json:
        told = {"changed": swapped[0], "digest": swapped[1]} if swapped else None
        print_json({"rebuilt": msgspec.to_builtins(rebuilt), "live": msgspec.to_builtins(live), "swapped": told})
    elif swapped:
        console().print(f"Swapped: {_incidents(swapped[0])} changed; digest {swapped[1]}. Nothing has to be restarted.")
    if not swap and not live.equal:
        raise typer.Exit(3)


def incidents(
    as_json: Annotated[bool, json_option('{"made", "changed", "digest", "records"}')] = False,
) -> None:
    """Fold the incidents anew from the timeline and put them in place of the stored ones, or of the lost tables.

    The stack may run meanwhile. Nothing has to be restarted: the dataflows load what they know of incidents anew.
    """
    from premortem import bootstrap
    from replay.rebuilding import rebuild as replay

    settings = Settings()
    with bootstrap.log_reader(settings) as log, bootstrap.shadow_store(settings) as shadow:
        with Reading("Folding the timeline") as reading:
            rebuilt = replay.rebuild(log, shadow, reading)
        lost = shadow.lost()
        changed, digest = replay.swap(log, shadow, rebuilt)
    made = (
        f"{', '.join(lost)} {'was' if len(lost) == 1 else 'were'} lost: all four tables were made anew. "
        if lost
        else ""
    )
    say(
        {"made": list(lost), "changed": changed, "digest": digest, "records": rebuilt.counts.records},
        f"{made}{rebuilt.counts.records:,} records were folded; {_incidents(changed)} changed; digest {digest}. "
        "Nothing has to be restarted.",
        as_json,
    )


def _tell_rebuilt(rebuilt: "Rebuilt", seconds: float) -> None:
    counts = rebuilt.counts
    out = console()
    out.print(
        f"Folded {counts.records:,} records of {len(rebuilt.ends)} partitions in {seconds:.1f} s: {counts.facts:,} "
        f"facts, {counts.ticks:,} ticks, {counts.repeated:,} written twice, {counts.orphans:,} of incidents never "
        f"opened, {counts.unreadable:,} unreadable."
    )
    for partition, start in enumerate(rebuilt.starts):
        if start:
            out.print(f"Partition {partition} of the log begins at offset {start:,}: what lay before is gone.")


def _tell_live(rebuilt: "Rebuilt", live: "Verified") -> None:
    out = console()
    if live.lost:
        out.print(f"Lost tables: {', '.join(live.lost)}. Nothing was compared. Restore: premortem rebuild incidents")
        return
    rows = [(d.incident_id, _where(d), d.live, d.rebuilt) for d in live.differences]
    print_table(("incident", "field", "stored", "by the log"), rows, "Every stored incident is what the log gives.")
    if not live.equal:
        out.print(f"{live.missing:,} missing, {live.extra:,} too many, {live.differs:,} different.")
    if live.behind:
        out.print(f"{live.behind:,} more are right as far as materialize has come; it is behind.")
    out.print(f"digest by the log  {rebuilt.digest}")
    out.print(f"digest as stored   {live.digest}")


def _where(difference: Any) -> str:
    table = "" if difference.table == "incidents" else difference.table
    return " ".join(part for part in (table, difference.row, difference.field) if part) or "(the incident)"


def _incidents(count: int) -> str:
    return f"{count:,} incident{'' if count == 1 else 's'}"
