"""`premortem calibration`: how sure causes claimed to be, against how often they proved right."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from premortem.cli.moments import parse_moment
from premortem.cli.output import DEFAULT_TENANT, Tenant, console, json_option, print_json, print_table
from premortem.domain.calibration import BENCHMARK, Band, Report, calibrated, lent, report, tally
from premortem.domain.claims import CAPS
from premortem.domain.ids import TenantId
from premortem.domain.outcomes import ProposedCause
from premortem.domain.routing import DEFAULT
from premortem.settings import Settings

_CAPS = dict(CAPS)


def calibration(
    since: Annotated[str, typer.Option(help="Only incidents opened at this moment or later, like 2026-11-01.")] = "",
    agent: Annotated[str, typer.Option(help="Only of deciders whose name begins so, like rules.")] = "",
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Annotated[bool, json_option('[{"decided_by", "known", "unknown", "brier", "bands", "reasons"}]')] = False,
) -> None:
    """Print claimed against observed confidence, and for which causes a fix is tried.

    A cause proved right when a person confirmed it, or its merged fix was measured as effective; wrong when a person
    rejected or corrected it, or its fix was measured as ineffective or harmful. Intervals are Wilson's, of 95 %.
    """
    from premortem import bootstrap

    settings = Settings()
    with bootstrap.incidents(settings) as store:
        causes = store.causes(TenantId(tenant), parse_moment(since) if since else 0)
        outcomes = store.outcomes(TenantId(tenant))
    reports = [each for each in report(causes) if each.decided_by.startswith(agent)]
    if as_json:
        print_json(msgspec.to_builtins(reports))
        return
    if not reports:
        console().print("No cause was claimed yet.")
    for each in reports:
        _print(each)
    kinds = {(each.decided_by, each.reason) for each in (*causes, *outcomes) if each.claims} | set(BENCHMARK)
    _gate(sorted(kind for kind in kinds if kind[0].startswith(agent)), outcomes, settings.least_cases)


def _print(found: Report) -> None:
    brier = f", Brier score {found.brier:.3f}" if found.brier is not None else ""
    unknown = f"the outcome of {found.unknown} is not known"
    console().print(f"{found.decided_by}: known outcomes {found.known.cases}{brier}; {unknown}", style="bold")
    columns = ("claimed", "mean", "right", "observed", "95 %", "not known")
    print_table(columns, [_row(each) for each in found.bands], "")
    print_table(("by cap", *columns[1:]), [_row(each) for each in found.reasons], "")


def _row(band: Band) -> tuple[str, ...]:
    right, cases = band.known.right, band.known.cases
    observed = f"{right / cases:.2f}" if cases else "-"
    mean = f"{band.claimed:.2f}" if cases else "-"
    return (band.name, mean, f"{right} of {cases}", observed, f"{band.low:.2f} to {band.high:.2f}", str(band.unknown))


def _gate(kinds: Sequence[tuple[str, str]], outcomes: Sequence[ProposedCause], least: int) -> None:
    """Print, for each kind of cause, what the gate before a fix would read now: all outcomes, whenever they came."""
    rows = []
    for decided_by, reason in kinds:
        own, borrowed = tally(outcomes, decided_by, reason), lent(decided_by, reason, least)
        known = own + borrowed
        is_open = known.cases >= least and calibrated(1.0, known, least) >= DEFAULT.fix_confidence
        observed = f"{known.right / known.cases:.2f}" if known.cases else "-"
        here, benchmark = (f"{each.right} of {each.cases}" for each in (own, borrowed))
        gate = "shut by its cap" if _CAPS.get(reason, 1.0) < DEFAULT.fix_confidence else "open" if is_open else "shut"
        rows.append((decided_by, reason, here, benchmark, observed, gate))
    console().print(
        f"The gate before a fix: {least} known outcomes at least, {DEFAULT.fix_confidence:.2f} of them right, "
        "and as much claimed",
        style="bold",
    )
    print_table(("decided by", "cap", "right here", "benchmark", "observed", "gate"), rows, "")
