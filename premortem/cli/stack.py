"""Commands about the running stack: up, down, status, logs, migrate, doctor."""

import sys
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from premortem.cli.health import LATE_SECONDS
from premortem.cli.output import console, json_option, print_json, print_table
from premortem.settings import Settings


def up(
    foreground: Annotated[
        bool, typer.Option(help="Stay attached until Ctrl-C instead of going to the background.")
    ] = False,
    as_json: Annotated[bool, json_option('{"dsn", "project", "url"}')] = False,
) -> None:
    """Start everything on this machine and print the DSN and the URLs. State is kept between runs."""
    from premortem.embedded import stack

    settings = Settings()
    if foreground:
        stack.run(settings)
        return
    with console().status("Starting") as shown:
        stack.start(settings, background=True, progress=lambda step, detail: shown.update(f"{step} {detail}".strip()))
    _print_addresses(settings, as_json)


def down(as_json: Annotated[bool, json_option('{"stopped"}')] = False) -> None:
    """Stop everything; its state stays."""
    from premortem.embedded import stack

    stopped = stack.stop(Settings())
    if as_json:
        print_json({"stopped": stopped})
    else:
        console().print("Stopped; its state stays." if stopped else "Nothing was running.")


def status(
    as_json: Annotated[
        bool, json_option('[{"name", "state", "pid", "started_at", "restarts", "last_exit", "once"}]')
    ] = False,
) -> None:
    """Show each process of the stack; exit code 1 when one of them is not running."""
    from premortem.embedded import stack

    processes = stack.status(Settings())
    if as_json:
        print_json([process.as_dict() for process in processes])
    else:
        rows = [(p.name, p.state, p.pid or "", p.restarts, p.last_exit or "") for p in processes]
        print_table(("process", "state", "pid", "restarts", "last exit"), rows, "Nothing runs. Start it: premortem up")
    if not processes or any(process.state != "running" for process in processes):
        raise typer.Exit(1)


def logs(
    name: Annotated[str | None, typer.Argument(help="One process; all of them when left out.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="Lines of each.")] = 40,
    as_json: Annotated[bool, json_option("{process: [line, ...]}")] = False,
) -> None:
    """Print the newest log lines of every process, or of one."""
    from premortem.embedded import stack

    files = {file.stem: file for file in stack.log_files(Settings())}
    if name is not None and name not in files:
        sys.exit(f"premortem: no log of {name!r}. There are: {', '.join(sorted(files)) or 'none'}.")
    shown = {stem: _newest(files[stem], lines) for stem in (sorted(files) if name is None else [name])}
    if as_json:
        print_json(shown)
        return
    for stem, words in shown.items():
        console().print(f"== {stem}", style="bold")
        sys.stdout.writelines(f"{line}\n" for line in words)


def migrate(as_json: Annotated[bool, json_option('{"applied"}')] = False) -> None:
    """Bring the schemas of both databases up to date; they must be running."""
    from premortem import bootstrap

    applied = bootstrap.migrate(Settings())
    if as_json:
        print_json({"applied": applied})
    else:
        console().print("\n".join(f"applied {name}" for name in applied) or "Both schemas are up to date.")


def doctor(
    late_seconds: Annotated[
        float, typer.Option(min=1, help="How long a record may wait for a dataflow.")
    ] = LATE_SECONDS,
    as_json: Annotated[bool, json_option('[{"name", "healthy", "detail", "mend"}]')] = False,
) -> None:
    """Check every dependency, version and migration, with the mend for each failure; exit code 1 when one fails."""
    from premortem.cli import diagnosis

    findings = diagnosis.examine(Settings(), late_seconds)
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        rows = [("ok" if f.healthy else "FAIL", f.name, f.detail, "" if f.healthy else f.mend) for f in findings]
        print_table(("", "check", "found", "mend"), rows, "")
    if not all(finding.healthy for finding in findings):
        raise typer.Exit(1)


def _newest(file: Path, lines: int) -> list[str]:
    with file.open(encoding="utf-8", errors="replace") as stream:
        return [line.rstrip("\n") for line in deque(stream, lines)]


def _print_addresses(settings: Settings, as_json: bool) -> None:
    from premortem import bootstrap
    from premortem.cli import dsns

    url = bootstrap.public_url(settings)
    project, project_dsn = dsns.first(settings)
    if as_json:
        print_json({"dsn": project_dsn, "project": project.id, "url": url})
        return
    console().print(f"Premortem is up at {url}")
    none = f"none: every key of project {project.id} is disabled (premortem key create {project.id})"
    console().print(f"  DSN        {project_dsn or none}")
    console().print(f"  incidents  {url}/incidents        (token: premortem token create me)")
    console().print(f"  readiness  {url}/ready")
    console().print(f"  metrics    {url}/metrics")
    console().print(f"  API        {url}/openapi.json")
    console().print("Stop it with: premortem down")
