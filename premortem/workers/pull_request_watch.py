"""WatchPullRequest: what became of a pull request, asked of the code host: a webhook is a hint, and may be lost.

What is found is the same fact that the webhook makes of it. While the pull request is open there is nothing to say, and
the task comes again.
"""

import logging

from premortem.domain.incident import PullRequest
from premortem.domain.pull_request_ends import Said, closed, merged
from premortem.domain.tasks import WatchPullRequest
from premortem.domain.timeline import PullRequestOpened
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent, Unavailable
from premortem.ports import Administration, CodeHost, Repository

_LOGGER = logging.getLogger(__name__)


class PullRequestWatch:
    """The handler."""

    def __init__(self, host: CodeHost, administration: Administration) -> None:
        self._host, self._administration = host, administration

    def __call__(self, work: Work[WatchPullRequest]) -> Answer:
        """Return how it ended, or nothing yet. Raises Permanent when it cannot be looked at any more."""
        pull = _pull(work)
        if pull.state != "draft":
            return Answer()
        try:
            shown = self._host.pull_request(self._repository(work, pull), pull.number)
        except Unavailable as problem:
            _LOGGER.warning("%s is looked at later: %s", pull.url, problem)
            return Answer()
        if shown.state == "merged":
            where = (pull.repository, pull.number, shown.merge_commit)
            return Answer(facts=(merged(work.incident, *where, work.task.at),))
        if shown.state == "closed":
            said = Said(by="somebody", text="closed without merging", url=pull.url, at=work.task.at)
            return Answer(facts=(closed(work.incident, pull.repository, pull.number, said),))
        return Answer()

    def _repository(self, work: Work[WatchPullRequest], pull: PullRequest) -> Repository:
        for repository in self._administration.repositories(work.task.tenant_id, work.task.project_id):
            if repository.name == pull.repository:
                return repository
        raise Permanent(f"{pull.repository} is not the project's any more. Add it: premortem repository add.")


def _pull(work: Work[WatchPullRequest]) -> PullRequest:
    """Return the pull request as the incident knows it."""
    for fact in work.facts:
        if fact.id == work.task.caused_by and isinstance(fact, PullRequestOpened):
            for pull in work.incident.pull_requests:
                if (pull.repository, pull.number) == (fact.repository, fact.number):
                    return pull
    raise Permanent("no pull request stands behind this task. Was it sent by hand?")
