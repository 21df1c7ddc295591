"""Commands about detection: why it spoke or stayed silent, and what other numbers would have told."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from premortem.cli.decisions import decision_lines
from premortem.cli.moments import parse_duration, parse_moment, show_moment
from premortem.cli.output import console, json_option, print_json, print_table, printable
from premortem.cli.progress import Reading
from premortem.domain.decision import Decision, explain
from premortem.domain.ids import ProjectId
from premortem.exceptions import Malformed
from premortem.settings import Settings

_Project = Annotated[int, typer.Option("--project", min=1, max=(1 << 63) - 1, help="The project's id.")]


def why(
    project: _Project,
    fingerprint: Annotated[str, typer.Option(help="The error, by a hash of it or the hash's beginning.")] = "",
    text: Annotated[str, typer.Option(help="The error, by a part of its title.")] = "",
    at: Annotated[str, typer.Option(help="The moment, like 2026-11-25T03:12 (UTC); now when left out.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Every window of the spike scan, not the strongest.")
    ] = False,
    as_json: Annotated[bool, json_option('{"title", "explanation", "told"}')] = False,
) -> None:
    """Say why an error opened an incident, or why not: every gate with its numbers, as they were at that moment."""
    from premortem import bootstrap
    from replay.why import why as answer

    moment = parse_moment(at) if at else None
    with bootstrap.log_reader(Settings()) as log, Reading() as reading:
        found = answer(log, ProjectId(project), fingerprint, text, moment, reading)
    if as_json:
        explanation = found.explanation._asdict()
        decisions = [_plain(decision) for decision in found.explanation.decisions]
        told = [{**msgspec.to_builtins(each), "reason": explain(each.decision)} for each in found.told]
        print_json({"title": found.title, "explanation": {**explanation, "decisions": decisions}, "told": told})
        return
    out, known = console(), found.explanation
    out.print(printable(found.title), style="bold", markup=False)
    out.print(f"  fingerprint  {known.fingerprint}")
    out.print(f"  at           {show_moment(known.at)} UTC")
    out.print(f"  seen         {known.total} times, {known.late} of them late, since {show_moment(known.first_seen)}")
    held = ", and a signal of it waits for others of its cause" if known.held else ""
    out.print(f"  incident     {known.incident_id or 'none'}{held}")
    out.print("Told by then" if found.told else "Nothing was told of it by then.")
    for each in found.told:
        out.print(f"  {show_moment(each.decision.at)}  {each.kind}: {explain(each.decision)}", markup=False)
    out.print("What the detectors hold now")
    windows = 0
    for decision in known.decisions:
        windows += decision.detector == "spike"
        if everything or decision.detector != "spike" or windows == 1:
            _print_decision(decision)


def _print_decision(decision: Decision) -> None:
    for line in decision_lines(decision):
        console().print(line, markup=False)


def _plain(decision: Decision) -> Any:
    return {**msgspec.to_builtins(decision), "reason": explain(decision)}


def backtest(
    detector: Annotated[Path, typer.Option(help="A TOML file with [detector] and [rules]: what is tried.")],
    project: _Project,
    since: Annotated[str, typer.Option(help="How far back incidents are compared, like 30d.")] = "30d",
    most_added: Annotated[int | None, typer.Option(min=0, help="Fail when more incidents are added.")] = None,
    most_removed: Annotated[int | None, typer.Option(min=0, help="Fail when more incidents are removed.")] = None,
    most_pages: Annotated[float | None, typer.Option(min=0, help="Fail when there are more pages a week.")] = None,
    as_json: Annotated[bool, json_option('{"pages_per_week", "added", "removed", "earlier", "later"}')] = False,
) -> None:
    """Say which incidents other numbers would have added, removed or moved. Exit code 3 beyond a limit."""
    from premortem import bootstrap
    from replay.backtest import backtest as compare
    from replay.backtest import read_candidate

    candidate, length = read_candidate(detector), parse_duration(since)
    with bootstrap.log_reader(Settings()) as log, Reading() as reading:
        start = _newest(log, ProjectId(project)) - length
        found = compare(log, ProjectId(project), candidate, start, reading)
    pages = {"current": found.pages_per_week(found.current), "candidate": found.pages_per_week(found.candidate)}
    if as_json:
        print_json({"pages_per_week": pages, **msgspec.to_builtins(found)})
    else:
        _print_comparison(found, pages)
    beyond = [
        said
        for said, number, limit in (
            ("incidents added", len(found.added), most_added),
            ("incidents removed", len(found.removed), most_removed),
            ("pages a week", pages["candidate"], most_pages),
        )
        if limit is not None and number > limit
    ]
    if beyond:
        typer.echo(f"premortem: beyond the limit: {', '.join(beyond)}.", err=True)
        raise typer.Exit(3)


def _print_comparison(found: Any, pages: dict[str, float]) -> None:
    out = console()
    out.print(
        f"{found.weeks:.1f} weeks: {found.current} incidents ({pages['current']:.1f} a week), with the candidate "
        f"{found.candidate} ({pages['candidate']:.1f} a week)"
    )
    rows = [("added", show_moment(i.opened_at), i.detector, i.title, "") for i in found.added]
    rows += [("removed", show_moment(i.opened_at), i.detector, i.title, "") for i in found.removed]
    for name, moved in (("earlier", found.earlier), ("later", found.later)):
        rows += [
            (name, show_moment(m.after.opened_at), m.after.detector, m.after.title, f"{m.minutes:+.1f} min")
            for m in moved
        ]
    print_table(("", "opened (UTC)", "by", "error", "by how much"), rows, "Nothing differs.")


def _newest(log: Any, project: ProjectId) -> int:
    from replay.reading import newest

    found = newest(log, project)
    if found is None:
        raise Malformed(f"nothing was ever sent to project {project}. List the projects: premortem project list.")
    return found
