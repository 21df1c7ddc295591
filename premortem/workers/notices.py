"""Notify: somebody is told what happened to an incident, once for each target, and not more often than one can read."""

from collections.abc import Callable

from premortem.domain.incident import Incident
from premortem.domain.tasks import Notify, Occasion
from premortem.domain.work import Answer, Work
from premortem.exceptions import Malformed, Permanent, Unavailable
from premortem.ports import Notice, NoticeBook, NotificationTarget, Notifier

MOST_IN_A_MINUTE = 20
_MINUTE_MS = 60_000
_MAY_BE_LOST: frozenset[Occasion] = frozenset({"grown"})
"""What is not told when a target gets too much: the next one says more."""

_SAID: dict[Occasion, str] = {
    "opened": "Opened:",
    "grown": "Growing:",
    "cause_found": "Cause found:",
    "pull_request": "A pull request waits for review:",
    "resolved": "Resolved:",
    "reopened": "Open again:",
    "needs_you": "Needs you:",
}


class Notices:
    """The handler. `url` = where this installation is reached, without a final slash; `now` = what counts minutes
    (ms): a task that comes again later must find the minute over.
    """

    def __init__(self, notifier: Notifier, book: NoticeBook, url: str, now: Callable[[], int]) -> None:
        self._notifier, self._book, self._url, self._now = notifier, book, url, now

    def __call__(self, work: Work[Notify]) -> Answer:
        """Tell every target. Raises Unavailable for those that were not reached, Permanent for those that refuse."""
        task = work.task
        notice = notice_of(work.incident, task, self._url)
        late: list[str] = []
        refused: list[str] = []
        for target in self._book.targets(task.tenant_id, task.project_id):
            if (target.occasions and task.occasion not in target.occasions) or self._book.told(notice.id, target.id):
                continue
            if self._book.told_since(target.id, self._now() - _MINUTE_MS) >= MOST_IN_A_MINUTE:
                if task.occasion not in _MAY_BE_LOST:
                    late.append(f"target {target.id} got {MOST_IN_A_MINUTE} notices within a minute")
                continue
            self._tell(target, notice, late, refused)
        if late:
            raise Unavailable("; ".join(late))
        if refused:
            raise Permanent("; ".join(refused))
        return Answer()

    def _tell(self, target: NotificationTarget, notice: Notice, late: list[str], refused: list[str]) -> None:
        try:
            self._notifier.notify(target, notice)
        except Unavailable as problem:
            late.append(str(problem))
        except Malformed as problem:
            refused.append(str(problem))
        else:
            self._book.note(notice.id, target.id, self._now())


def notice_of(incident: Incident, task: Notify, url: str) -> Notice:
    """Return what is told. Pure."""
    said = _SAID[task.occasion]
    if task.occasion in ("cause_found", "needs_you") and incident.cause:
        said = f"{said} {incident.cause.summary}"
    if task.occasion == "pull_request" and incident.pull_requests:
        said = f"{said} {incident.pull_requests[-1].url}"
    return Notice(
        id=task.id,
        occasion=task.occasion,
        tenant_id=task.tenant_id,
        project_id=task.project_id,
        incident_id=task.incident_id,
        at=task.at,
        severity=incident.severity,
        title=incident.title,
        text=said,
        url=f"{url}/incidents/{incident.id}",
        origin_url=incident.origin_url,
        owner=incident.owner,
        acknowledged_by=incident.acknowledged_by,
    )
