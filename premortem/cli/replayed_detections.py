"""The command `premortem replay detections`: detection once more from the raw events, beside what was recorded."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from premortem.cli.moments import show_moment
from premortem.cli.output import console, json_option, print_json, printable
from premortem.cli.progress import Reading
from premortem.domain.ids import ProjectId
from premortem.settings import Settings

if TYPE_CHECKING:
    from replay.detecting.detections import Report
    from replay.detecting.differing import Difference

_SHAPE = '{"detector_version", "records", "recorded", "matched", "versions", "explained", "unexplained", "differences"}'
_FIELDS = 6


def detections(
    project: Annotated[int | None, typer.Option(min=1, max=(1 << 63) - 1, help="One project's alone.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many differences to print.")] = 20,
    as_json: Annotated[bool, json_option(_SHAPE)] = False,
) -> None:
    """Run detection again over the raw events, and compare with what is recorded. Exit code 3 when something differs
    and neither a version, nor a setting, nor a dead letter accounts for it.
    """
    from premortem import bootstrap
    from replay.detecting.detections import detections as replayed

    settings = Settings()
    with bootstrap.log_reader(settings) as log, bootstrap.checkpoints(settings) as checkpoints, Reading() as reading:
        reached = {place: offset for (flow, place), offset in checkpoints.positions().items() if flow == "detect"}
        found = replayed(log, reached, ProjectId(project) if project is not None else None, reading)
    if as_json:
        shown = [_plain(each) for each in found.differences[:show]]
        print_json({**msgspec.to_builtins(found), "differences": shown})
    else:
        _print(found, show)
    if found.unexplained:
        count = "1 difference" if found.unexplained == 1 else f"{found.unexplained} differences"
        typer.echo(f"premortem: {count} that nothing explains.", err=True)
        raise typer.Exit(3)


def _plain(difference: "Difference") -> dict[str, Any]:
    place = None if difference.place is None else difference.place._asdict()
    fields = [field._asdict() for field in difference.fields]
    plain: dict[str, Any] = {**msgspec.to_builtins(difference), "place": place, "fields": fields}
    del plain["limits"]  # they stand in the facts
    return plain


def _print(found: "Report", show: int) -> None:
    out = console()
    by = ", ".join(
        f"{count:,} by version {version}" if version != "0" else f"{count:,} without a version"
        for version, count in found.versions.items()
    )
    places = "1 partition" if found.partitions == 1 else f"{found.partitions} partitions"
    out.print(f"{found.records:,} records of {places} through detector version {found.detector_version}")
    out.print(f"  recorded      {found.recorded:,} facts of detection{f' ({by})' if by else ''}")
    out.print(f"  replayed      {found.replayed:,}")
    out.print(f"  the same      {found.matched:,}, to the byte")
    for count, said in (
        (found.repeated, "records say a fact again"),
        (found.awaited, "facts that detect has not come to yet"),
        (found.refused, "records that neither could use"),
    ):
        if count:
            out.print(f"  and           {count:,} {said}")
    explained = Counter[str]()
    for each in found.explained:
        other = each.recorded_by not in (0, found.detector_version)
        explained[each.reason + (f", recorded by version {each.recorded_by}" if other else "")] += each.count
    for reason, count in explained.items():
        out.print(f"  explained     {count:,} by {reason}")
    out.print(f"  unexplained   {found.unexplained:,}")
    for difference in found.differences[:show]:
        _print_difference(difference)
    if len(found.differences) > show:
        out.print(f"... and {len(found.differences) - show:,} more (--show).")


def _print_difference(difference: "Difference") -> None:
    out = console()
    where = "" if difference.place is None else f" at partition {difference.place.partition}, "
    where += "" if difference.place is None else f"offset {difference.place.offset}"
    after = "" if difference.after is None else f", told behind offset {difference.after} of the project stream"
    what = f"{difference.fact} {difference.fact_id}" if difference.fact else "a record"
    when = f" ({show_moment(difference.at)} UTC)" if difference.at else ""
    out.print(printable(f"{difference.kind}: {what}{where}{after}{when}"), markup=False)
    if difference.incident_id:
        out.print(printable(f"  incident {difference.incident_id}, project {difference.project}"), markup=False)
    for field in difference.fields[:_FIELDS]:
        out.print(printable(f"  {field.name}: recorded {field.recorded}, replayed {field.replayed}"), markup=False)
    if len(difference.fields) > _FIELDS:
        out.print(f"  ... and {len(difference.fields) - _FIELDS} more fields")
    reason = f"explained by {difference.reason}" if difference.reason else "nothing explains it"
    out.print(printable(f"  {reason}{f': {difference.note}' if difference.note else ''}"), markup=False)
