"""The command that checks an incident: whatever can still be recomputed is compared with what is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from premortem.cli.output import DEFAULT_TENANT, Tenant, console, json_option, print_json, print_table, printable
from premortem.cli.progress import Reading
from premortem.domain.ids import IncidentId, TenantId
from premortem.exceptions import Malformed, Unavailable
from premortem.settings import Settings
from replay.verifying.archived_counts import Archive
from replay.verifying.checked import Check
from replay.verifying.incident_records import Kept, every, kept_of
from replay.verifying.recomputed import Rules
from replay.verifying.verification import Verification
from replay.verifying.verification import verify as verified

_FAILED = 3
_SHAPE = '{"incidents": [{"incident", "title", "facts", "head", "passed", "checks": [{"what", "state", ...}]}]}'


def verify(
    incident_id: Annotated[str, typer.Argument(help="The incident's id; or --all.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every incident of the tenant, in a table.")] = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option(_SHAPE)] = False,
) -> None:
    """Check an incident: its records, ids, hash chain, evidence and numbers, computed anew from the log and compared.

    Exit code 3 when anything is wrong. What cannot be asked any more, because the archive's rows are gone, is no
    failure.
    """
    from premortem import bootstrap

    if everything == bool(incident_id):
        raise Malformed("which incident is meant? Name one: premortem verify INCIDENT. Or all of them: --all.")
    rules, whose = _rules(), TenantId(tenant)
    with (
        bootstrap.log_reader(Settings()) as log,
        bootstrap.incidents(Settings()) as store,
        _archive() as archive,
        Reading("Verifying") as reading,
    ):
        if everything:
            found = list(_verified(every(log, store, whose, reading), rules, archive))
        else:
            found = [verified(kept_of(log, store, whose, IncidentId(incident_id), reading), rules, archive)]
    if as_json:
        print_json({"incidents": [_plain(each) for each in found]})
    elif everything:
        _print_table(found)
    else:
        _print_one(found[0])
    if not all(each.passed for each in found):
        raise typer.Exit(_FAILED)


def _verified(incidents: Iterator[Kept], rules: Rules, archive: Archive | None) -> Iterator[Verification]:
    """Yield what is found of each incident; an archive that does not answer is not waited for again."""
    for kept in incidents:
        found = verified(kept, rules, archive)
        archive = None if found.archive_is_away else archive
        yield found


def _rules() -> Rules:
    """Return what judges today: pure functions, so that a replay may hold them."""
    from premortem.agents import rules
    from premortem.workers import evaluation

    return Rules(settle=rules.settled, cause_version=rules.VERSION, evaluation_version=evaluation.VERSION)


@contextmanager
def _archive() -> Iterator[Archive | None]:
    """Lend the archive, or None while it is away."""
    from premortem import bootstrap

    lent = bootstrap.evidence(Settings())
    try:
        archive = lent.__enter__()
    except Unavailable:
        yield None
        return
    try:
        yield archive
    finally:
        lent.__exit__(None, None, None)


def _print_one(found: Verification) -> None:
    out = console()
    out.print(printable(found.title) or "(nothing opened it)", style="bold", markup=False)
    for check in found.checks:
        out.print(f"  {check.state:6} {check.what}: {_counted(check)}", markup=False)
        for sentence in check.said:
            out.print(f"           {printable(sentence)}", markup=False)
        for wrong in check.wrong:
            out.print(f"           {printable(wrong.where)}", markup=False)
            out.print(f"             computed  {printable(wrong.expected)}", markup=False)
            out.print(f"             written   {printable(wrong.found)}", markup=False)
    failed = sum(check.state == "FAILED" for check in found.checks)
    out.print(f"{found.facts} facts, {failed} of {len(found.checks)} checks failed. The chain's head is", markup=False)
    out.print(f"  {found.head or 'none'}", markup=False)


def _print_table(found: list[Verification]) -> None:
    rows = []
    for each in found:
        failed = [check.what for check in each.checks if check.state == "FAILED"]
        gone = sum(check.gone for check in each.checks)
        rows.append((each.incident_id, each.title, each.facts, gone, ", ".join(failed) or "ok"))
    print_table(("incident", "error", "facts", "gone", "checks"), rows, "No incidents.")
    wrong = sum(not each.passed for each in found)
    console().print(f"{len(found)} incidents, {wrong} with something wrong. Look at one: premortem verify INCIDENT.")


def _counted(check: Check) -> str:
    return f"{check.count}, of which {check.gone} cannot be asked any more" if check.gone else str(check.count)


def _plain(found: Verification) -> dict[str, Any]:
    return {
        "incident": found.incident_id,
        "title": found.title,
        "facts": found.facts,
        "head": found.head,
        "passed": found.passed,
        "checks": [
            {
                "what": check.what,
                "count": check.count,
                "gone": check.gone,
                "state": check.state,
                "said": list(check.said),
                "wrong": [{"where": w.where, "computed": w.expected, "written": w.found} for w in check.wrong],
            }
            for check in found.checks
        ],
    }
