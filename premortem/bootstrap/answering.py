"""Answering: the handler of each kind of task, as the settings allow."""

import base64
from collections.abc import Callable
from pathlib import Path

from premortem.adapters.clock.system import SystemClock
from premortem.adapters.notice_book.postgres import PostgresNoticeBook
from premortem.adapters.source_code.git import GitSourceCode
from premortem.bootstrap.agents import agents
from premortem.bootstrap.connecting import Adapters
from premortem.bootstrap.values import notifier, public_url
from premortem.exceptions import Malformed
from premortem.ports import CodeHost, Repository
from premortem.settings import Settings
from premortem.workers.deploys import FindDeploys
from premortem.workers.dispatch import Handlers
from premortem.workers.evaluation import Evaluations
from premortem.workers.notices import Notices
from premortem.workers.pull_requests import PullRequests


def handlers(settings: Settings, adapters: Adapters) -> Handlers:
    """Return what answers each kind of task. Raises Malformed, with the mend, for settings that are half set."""
    directory = settings.data_dir.absolute()
    source = GitSourceCode(directory / "code", credentials=_credentials(settings), hidden=(directory,))
    host = code_host(settings)
    known, url = adapters.administration, public_url(settings)
    made = agents(settings, adapters, source)
    return Handlers(
        propose_root_cause=made.root_causes,
        propose_fix=made.fixes,
        propose_instrumentation=made.instrumentations,
        open_pull_request=PullRequests(host, source, known, url) if host else None,
        find_deploy=FindDeploys(adapters.evidence_store, source, known.repositories),
        evaluate_fix=Evaluations(adapters.evidence_store, source, known.repositories),
        notify=Notices(notifier(), PostgresNoticeBook(adapters.pool), url, SystemClock().now),
    )


def code_host(settings: Settings) -> CodeHost | None:
    """Return where pull requests are opened; None = nowhere. Raises Malformed for an App without its key."""
    if not settings.github_token and not settings.github_app_id:
        return None
    from premortem.adapters.code_host.github import GithubCodeHost
    from premortem.adapters.code_host.github_client import GithubClient

    key = "" if settings.github_token else _app_key(settings.github_app_key)
    client = GithubClient(settings.github_url, token=settings.github_token, app_id=settings.github_app_id, app_key=key)
    return GithubCodeHost(client)


def _app_key(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as problem:
        raise Malformed(f"PREMORTEM_GITHUB_APP_KEY: {path!r} cannot be read ({problem.strerror}).") from problem


def _credentials(settings: Settings) -> Callable[[Repository], str]:
    """Return what git says who we are with: the token, to the host that it is for and to no other."""
    word = base64.b64encode(f"x-access-token:{settings.github_token}".encode()).decode()

    def header(repository: Repository) -> str:
        ours = settings.github_token and repository.clone_url.startswith(settings.github_clone_url.rstrip("/") + "/")
        return f"Basic {word}" if ours else ""

    return header
