"""Which releases and deploys there were around the onset, which release was good, and which is bad."""

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from premortem.domain.observations import Deploys, DeploySeen, Releases, ReleaseSeen
from premortem.ports import Errors, EvidenceStore, ReleaseCount
from premortem.workers.context.findings import Findings, Subject
from premortem.workers.context.onset import DAY_MS
from premortem.workers.context.texts import cut

_WINDOWS_MS = (DAY_MS, 14 * DAY_MS)
"""So far back releases are looked for: further only when the shorter time names no good one."""
_DEPLOYS_MS = 7 * DAY_MS
_MOST_RELEASES, _MOST_DEPLOYS, _MOST_REPORTED = 12, 20, 1_000
_LEAST_SHARE = 0.2
"""A release holds at least so much of the failing events to be the bad one: the rest is what failed before, too."""
_HOUR_MS = 3_600_000
_LONGEST = 200


def releases(store: EvidenceStore, subject: Subject, findings: Findings) -> Releases | None:
    """Find the releases around the onset; None when the archive does not answer."""
    found: Releases | None = None
    for window in _WINDOWS_MS:
        ask = partial(_releases, store, subject, subject.earliest - window)
        wider = findings.tried(ask, "releases", "which releases there were")
        if wider is None:
            return found
        found = wider
        if found.last_good is not None:
            break
    if found is None or not found.releases:
        how = "Let the SDK set the release, after the commit: shop@1.4.2+abc1234."
        findings.miss("release", "which release the failing events are of", how, "not_configured")
        return found
    asked: dict[str, object] = {"environment": subject.environment, "fingerprints": subject.fingerprints,
                                "start": subject.earliest - window, "end": subject.end,
                                "since": subject.earliest}  # fmt: skip
    told = "the first bad one is told" if found.first_bad else "none is bad for sure"
    title = f"{len(found.releases)} releases in the environment; {told}"
    findings.add("releases", title, "releases_in, releases_since", asked, found)
    return found


def _releases(store: EvidenceStore, subject: Subject, start: int) -> Releases:
    tenant, project, environment = subject.incident.tenant_id, subject.incident.project_id, subject.environment
    errors = Errors(fingerprints=subject.fingerprints, start=start, end=subject.end)
    counts = []
    for each in store.releases_in(tenant, project, environment, errors, subject.earliest, _MOST_RELEASES):
        first = store.release_first_seen(tenant, project, environment, each.release)
        counts.append(each if first is None else replace(each, first_seen=min(each.first_seen, first)))
    counts += _quiet(store, subject, start, counts)
    ordered = sorted(counts, key=lambda each: (each.first_seen, each.release))
    good, bad = good_and_bad(ordered, subject.earliest, subject.latest)
    return Releases(releases=tuple(map(_seen, ordered)), last_good=good, first_bad=bad)


def _quiet(store: EvidenceStore, subject: Subject, start: int, counts: Sequence[ReleaseCount]) -> list[ReleaseCount]:
    """Return the releases that sessions alone tell of: in them nothing failed. Older ones than those that are counted
    may only not have been counted.
    """
    tenant, project = subject.incident.tenant_id, subject.incident.project_id
    since = min(each.first_seen for each in counts) if len(counts) >= _MOST_RELEASES else start
    known = {each.release for each in counts}
    found = [
        ReleaseCount(each.release, each.first_seen, each.first_seen, 0, 0, 0)
        for each in store.releases_since(tenant, project, subject.environment, since, _MOST_REPORTED)
        if each.release not in known and each.first_seen < subject.end
    ]
    return found[-_MOST_RELEASES:]


def good_and_bad(counts: Sequence[ReleaseCount], earliest: int, latest: int) -> tuple[str | None, str | None]:
    """Return the last good and the first bad release of those given oldest first, None where it cannot be told. Pure.

    Bad is the oldest that holds a fifth of what failed since `earliest`. Good is the newest before it without any
    failing event; of an error that was there before, the newest before a bad one which came with the onset.
    """
    total = sum(each.failing_since for each in counts)
    bad = next((each for each in counts if total and each.failing_since >= _LEAST_SHARE * total), None)
    if bad is None:
        return None, None
    older = [each for each in counts if each.first_seen < bad.first_seen]
    clean = [each for each in older if not each.failing]
    if not clean and earliest - _HOUR_MS <= bad.first_seen <= latest:
        clean = [each for each in older if each.failing_since < _LEAST_SHARE * total]
    return clean[-1].release if clean else None, bad.release


def deploys(store: EvidenceStore, subject: Subject, findings: Findings) -> None:
    """Find the deploys of the week before the end of the onset's interval."""
    tenant, project = subject.incident.tenant_id, subject.incident.project_id
    since = subject.earliest - _DEPLOYS_MS
    reported = findings.tried(
        lambda: store.deploys_since(tenant, project, subject.environment, since, _MOST_REPORTED),
        "deploys",
        "what was deployed",
    )
    if reported is None:
        return
    found = [each for each in reported if each.deployed_at <= subject.latest][-_MOST_DEPLOYS:]
    if not found:
        how = "Report deploys: sentry-cli deploys new, or the deployments of GitHub by its webhook."
        findings.miss("deploys", "what was deployed in the week before", how)
        return
    inside = sum(each.deployed_at >= subject.earliest for each in found)
    seen = Deploys(
        deploys=tuple(
            DeploySeen(release=cut(each.release, _LONGEST), environment=each.environment, deployed_at=each.deployed_at)
            for each in reversed(found)
        )
    )
    asked: dict[str, object] = {"environment": subject.environment, "since": since, "until": subject.latest}
    title = f"{len(found)} deploys in the week before, {inside} of them in the onset's interval"
    findings.add("deploys", title, "deploys_since", asked, seen)


def _seen(each: ReleaseCount) -> ReleaseSeen:
    return ReleaseSeen(
        release=each.release,
        first_seen=each.first_seen,
        last_seen=each.last_seen,
        events=each.events,
        failing=each.failing,
    )
