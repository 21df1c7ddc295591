"""`make demo-fix`: from a real SDK's error to a fix that is merged, deployed and proved to work, or proved not to."""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

from demo.printing import Printer
from demo.sample_repository import FAR
from demo.stage import HISTORY_MS, Stage, staged
from demo.waiting import Missing, Watch, first_incident
from premortem.cli.output import console
from premortem.domain.telling import tell
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    IncidentDetected,
    IncidentReopened,
    IncidentResolved,
    PullRequestOpened,
    RootCauseProposed,
)
from premortem.exceptions import PremortemException

DIRECTORY = Path(".premortem/demo-fix")
_STEP_SECONDS = 60.0
_READING_MS = 8 * 60_000
"""So long after the incident was opened is the draft merged, at the earliest: a verdict needs something to compare."""


class Drafted(NamedTuple):
    """The story up to the draft pull request."""

    watch: Watch
    cause: RootCauseProposed
    fix: FixProposed
    opened: PullRequestOpened


def main() -> None:
    """Run the demonstration; a step that does not come is one line, and exit code 1."""
    parser = argparse.ArgumentParser(prog="demo.fix")
    parser.add_argument("--ineffective", action="store_true", help="tell the story of a fix that does not help")
    parser.add_argument("--keep", action="store_true", help="leave the stack up at the end")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    out, begun = console(), time.monotonic()
    printer = Printer(out, begun)
    try:
        printer.step("Starting the embedded stack, a double of GitHub, and the shop")
        with staged(options.directory, ineffective=options.ineffective, keep=options.keep) as stage:
            drafted = up_to_the_draft(stage, printer)
            to_the_end(stage, drafted, printer, ineffective=options.ineffective)
            if options.keep:
                ours = f"PREMORTEM_DATA_DIR={options.directory} .venv/bin/premortem"
                out.print(f"It keeps running. Read on with: {ours} incidents show {drafted.watch.incident}")
                out.print(f"Stop it with: {ours} down")
    except PremortemException as exception:
        sys.exit(f"premortem demo-fix: {exception}")
    out.print(f"\nThe whole demonstration took {time.monotonic() - begun:.0f} s.")


def up_to_the_draft(stage: Stage, printer: Printer) -> Drafted:
    """Deploy the bad release and wait until a fix of it is a draft at the code host. Raises Missing."""
    printer.step(f"shop@1.4.0 serves at {stage.url}; two quiet hours of it pass in three seconds")
    history_ends = stage.began + HISTORY_MS
    while stage.clock.now() < history_ends:
        time.sleep(0.05)
    printer.step(f"{stage.deploy('1.4.1', stage.code.bad)} is deployed, with a bad commit among harmless ones")
    watch = Watch(stage, first_incident(stage, stage.project, _STEP_SECONDS), printer.fact)
    watch.until(IncidentDetected, "The incident", _STEP_SECONDS)
    watch.until(ContextBuilt, "The context", _STEP_SECONDS)
    cause = watch.until(RootCauseProposed, "The root cause", _STEP_SECONDS)
    truth = stage.code.commits[stage.code.bad_change.subject]
    if cause.suspect is None or cause.suspect.commit != truth:
        raise Missing(f"The root cause names another commit than {truth[:12]}: {cause.summary}")
    fix = watch.until(FixProposed, "The fix", _STEP_SECONDS)
    printer.patch(fix)
    if not fix.ready:
        raise Missing(f"No pull request is opened. {tell(fix)}.")
    opened = watch.until(PullRequestOpened, "The draft pull request", _STEP_SECONDS)
    printer.pull_request(stage.pull(opened.number))
    return Drafted(watch, cause, fix, opened)


def to_the_end(stage: Stage, drafted: Drafted, printer: Printer, *, ineffective: bool) -> None:
    """Merge, deploy, and wait until the fix is proved to work, or not to. Raises Missing."""
    watch = drafted.watch
    printer.step("A person reads the draft, while the errors go on")
    while stage.clock.now() < watch.facts[0].occurred_at + _READING_MS:
        time.sleep(0.05)
    printer.step(f"Pull request {drafted.opened.number} is merged")
    commit = stage.merge(drafted.opened.number)
    watch.until(FixApplied, "The merge", _STEP_SECONDS)
    printer.step(f"{stage.deploy('1.4.2', commit)} is deployed: the code as it was merged")
    watch.until(FixDeployed, "The deploy of the fix", _STEP_SECONDS)
    printer.step("Half an hour of its traffic passes before the error rates are compared")
    verdict = watch.until(EvaluationCompleted, "The evaluation", _STEP_SECONDS)
    while verdict.verdict == "inconclusive" and verdict.look_again_at is not None:
        verdict = watch.until(EvaluationCompleted, "The next evaluation", _STEP_SECONDS)
    wanted = "ineffective" if ineffective else "effective"
    if verdict.verdict != wanted:
        raise Missing(f"The fix was to be {wanted}, and was measured as {verdict.verdict}.")
    if ineffective:
        watch.until(IncidentReopened, "The incident's return", _STEP_SECONDS)
        printer.failed_fix(watch.until(ContextBuilt, "The new context", _STEP_SECONDS))
        truth = stage.code.commits[FAR.subject]
        printer.step(f"Only the shop knows: it is {truth[:12]} ({FAR.subject}) that brought the error")
    else:
        watch.until(IncidentResolved, "The resolution", _STEP_SECONDS)
    printer.timeline(watch.facts)


if __name__ == "__main__":
    main()
