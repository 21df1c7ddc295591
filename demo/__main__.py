"""`make demo`: the whole product on a scaled clock, a sample shop in trouble, and the incidents that were opened."""

import argparse
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from premortem import bootstrap
from premortem.cli.output import console, printable
from premortem.domain.decision import explain
from premortem.domain.ids import ProjectId, TenantId
from premortem.embedded import stack
from premortem.exceptions import PremortemException
from premortem.ports import Flow
from premortem.sentry import dsn
from premortem.settings import Settings
from replay.why import why

HISTORY_HOURS = 18
HISTORY_SECONDS = 4.5
HOUR_RATE = 200.0
STARTING_SECONDS = 6.0
CATCH_UP_SECONDS = 20.0
DIRECTORY = Path(".premortem/demo")


def main() -> None:
    """Run the demonstration; whatever goes wrong is one line that says the mend."""
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--stop", action="store_true", help="stop the stack at the end instead of leaving it up")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    try:
        run(options.directory, keep=not options.stop)
    except PremortemException as exception:
        sys.exit(f"premortem demo: {exception}")


def run(directory: Path, *, keep: bool) -> None:
    """Start a fresh stack in `directory`, drive the hour through it and print the incidents."""
    out = console()
    begun = time.time_ns()
    history_rate = HISTORY_HOURS * 3600 / HISTORY_SECONDS
    hour = begun // 1_000_000 - 3_600_000
    start = hour - HISTORY_HOURS * 3_600_000
    epoch = begun + int(STARTING_SECONDS * 1e9)
    clock = f"scaled:{start}:{epoch}:{history_rate}x{HISTORY_SECONDS},{HOUR_RATE}"
    settings = Settings(data_dir=directory, http_port=0, postgres_port=0, clickhouse_port=0, clock=clock)
    stack.stop(settings)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with out.status("Starting the embedded stack") as shown:
            stack.start(settings, progress=lambda step, detail: shown.update(f"Starting: {step} {detail}".strip()))
        url = bootstrap.public_url(settings)
        token = "pm_" + secrets.token_urlsafe(24)
        with bootstrap.administration(settings) as administration:
            project = administration.create_project(TenantId("default"), "shop", "Sample shop", secrets.token_hex(16))
            digest = hashlib.sha256(token.encode()).hexdigest()
            administration.create_token(TenantId("default"), "demo", digest)
        out.print(
            f"Up after {(time.time_ns() - begun) / 1e9:.1f} s. The shop reports to it through the real sentry-sdk."
        )
        _drive(dsn.of(url, project.keys[0], project.id), clock, url, token, start, hour, out)
        _catch_up(settings, out)
        _report(url, token, out)
        _explain(settings, project.id, out)
        out.print(f"\nThe whole demonstration took {(time.time_ns() - begun) / 1e9:.0f} s.")
    finally:
        if not keep:
            stack.stop(settings)
    if keep:
        out.print("It keeps running. Read on with:")
        out.print(f"  curl -H 'Authorization: Bearer {token}' {url}/incidents", soft_wrap=True)
        out.print("Stop it with: make demo-down")


def _drive(target: str, clock: str, url: str, token: str, start: int, hour: int, out: Console) -> None:
    """Run the shop's traffic in a process of its own, and show how far its clock is."""
    arguments = ["--dsn", target, "--clock", clock, "--url", url, "--token", token]
    arguments += ["--start", str(start), "--hour", str(hour)]
    child = subprocess.Popen([sys.executable, "-m", "demo.traffic", *arguments], env=dict(os.environ))  # noqa: S603
    scaled = bootstrap.clock(Settings(clock=clock))
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("minute {task.completed:.0f} of 60"))
    with Progress(*columns, console=out) as progress:
        task = progress.add_task("An hour of the shop", total=60)
        while child.poll() is None:
            progress.update(task, completed=max(0, min(60, (scaled.now() - hour) / 60_000)))
            time.sleep(0.1)
        progress.update(task, completed=60)
    if child.returncode:
        raise PremortemException(f"the shop ended with {child.returncode}. Look at: .premortem/demo/logs.")


def _catch_up(settings: Settings, out: Console) -> None:
    """Wait until every dataflow has passed what is on the log now, and what it made of that; the ticks go on and on."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    with out.status("Waiting until everything is folded"):
        for _ in ("what the shop sent", "what was found in it"):
            ends = {place: head for place, (_, head) in bootstrap.positions(settings).items()}
            while not _passed(settings, ends) and time.monotonic() < deadline:
                time.sleep(0.1)


def _passed(settings: Settings, ends: dict[tuple[Flow, int], int]) -> bool:
    return all(position >= ends[place] for place, (position, _) in bootstrap.positions(settings).items())


def _report(url: str, token: str, out: Console) -> None:
    """Print the incidents as the read API tells them."""
    answer = httpx.get(f"{url}/incidents", headers={"authorization": f"Bearer {token}"}, timeout=10)
    answer.raise_for_status()
    incidents = answer.json()["incidents"]
    out.print(f"\n{len(incidents)} incidents were opened:", style="bold")
    for incident in reversed(incidents):
        out.print()
        out.print(Text(f"[{incident['severity']}] {printable(incident['title'])}", style="bold"))
        out.print(Text(f"  status  {incident['status']}, release {incident['release']}, {incident['environment']}"))
        out.print(Text(f"  opened  {incident['opened_at']}"))
        out.print(Text(f"  why     {incident['reason']}"))
        out.print(Text(f"  read    {incident['url']}"))


def _explain(settings: Settings, project: ProjectId, out: Console) -> None:
    """Say of one error why it spoke, and of another what kept it silent, as `premortem why` does."""
    with bootstrap.event_log(settings) as log:
        for text in ("PaymentDeclinedError", "stock answered slowly"):
            found = why(log, project, "", text, None)
            out.print(
                Text(f"\nWhy {'it spoke' if found.told else 'it stayed silent'}: {printable(found.title)}", "bold")
            )
            decision = found.told[0].decision if found.told else found.explanation.decisions[0]
            out.print(Text(f"  {decision.detector}: {explain(decision)}"))
            for gate in decision.gates:
                mark = "passed" if gate.passed else "not passed"
                out.print(Text(f"    {gate.name:24} {gate.observed:.15g} against {gate.limit:.15g}: {mark}"))
    ask = f"PREMORTEM_DATA_DIR={settings.data_dir} .venv/bin/premortem why --project {project} --text PaymentDeclined"
    out.print(f"Ask of any error, at any time: {ask}", soft_wrap=True)


if __name__ == "__main__":
    main()
