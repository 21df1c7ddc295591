"""Answering: the handler of each kind of task, as the settings allow."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from premortem.adapters.clock.system import SystemClock
from premortem.adapters.notice_book.postgres import PostgresNoticeBook
from premortem.adapters.similar_incidents.postgres import PostgresSimilarIncidents
from premortem.adapters.source_code.git import GitSourceCode
from premortem.bootstrap.agents import agents
from premortem.bootstrap.connecting import Adapters
from premortem.bootstrap.values import notifier, public_url
from premortem.exceptions import Malformed
from premortem.ports import CodeHost, Repository, Tracer
from premortem.settings import Settings
from premortem.workers.context.building import Contexts
from premortem.workers.deploys import FindDeploys
from premortem.workers.dispatch import Handlers, undone
from premortem.workers.evaluation import Evaluations
from premortem.workers.notices import Notices
from premortem.workers.pull_request_watch import PullRequestWatch
from premortem.workers.pull_requests import PullRequests

if TYPE_CHECKING:
    from premortem.adapters.code_host.github_client import GithubClient


def handlers(settings: Settings, adapters: Adapters, tracer: Tracer) -> Handlers:
    """Return what answers each kind of task. Raises Malformed, with the mend, for settings that are half set."""
    directory = settings.data_dir.absolute()
    github = _github(settings)
    hidden = (directory, Path(".env"), *([Path(settings.github_app_key)] if settings.github_app_key else []))
    source = GitSourceCode(directory / "code", credentials=_credentials(settings, github), hidden=hidden)
    host = _code_host(github)
    known, url = adapters.administration, public_url(settings)
    made = agents(settings, adapters, source, tracer)
    no_host = undone("there is no code host to open it at. Set PREMORTEM_GITHUB_TOKEN, or an App: docs/github.md.")
    similar = PostgresSimilarIncidents(adapters.pool)
    return Handlers(
        build_context=Contexts(adapters.evidence_store, source, known, similar, adapters.incident_store),
        propose_root_cause=made.root_causes,
        propose_fix=made.fixes,
        propose_instrumentation=made.instrumentations,
        open_pull_request=PullRequests(host, source, known, url, SystemClock().now) if host else no_host,
        watch_pull_request=PullRequestWatch(host, known) if host else no_host,
        find_deploy=FindDeploys(adapters.evidence_store, source, known.repositories),
        evaluate_fix=Evaluations(adapters.evidence_store, source, known.repositories),
        notify=Notices(notifier(), PostgresNoticeBook(adapters.pool), url, SystemClock().now),
    )


def _code_host(github: "GithubClient | None") -> CodeHost | None:
    """Return where pull requests are opened; None = nowhere."""
    if github is None:
        return None
    from premortem.adapters.code_host.github import GithubCodeHost

    return GithubCodeHost(github)


def _github(settings: Settings) -> "GithubClient | None":
    """Return who we are at GitHub; None = nobody. Raises Malformed for an App without its key."""
    if not settings.github_token and not settings.github_app_id:
        return None
    from premortem.adapters.code_host.github_client import GithubClient

    key = "" if settings.github_token else _app_key(settings.github_app_key)
    return GithubClient(settings.github_url, token=settings.github_token, app_id=settings.github_app_id, app_key=key)


def _app_key(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as problem:
        raise Malformed(f"PREMORTEM_GITHUB_APP_KEY: {path!r} cannot be read ({problem.strerror}).") from problem


def _credentials(settings: Settings, github: "GithubClient | None") -> Callable[[Repository], str]:
    """Return what git says who we are with: a token, to the host that it is for and to no other."""
    ours = settings.github_clone_url.rstrip("/") + "/"

    def header(repository: Repository) -> str:
        if github is None or not repository.clone_url.startswith(ours):
            return ""
        word = f"x-access-token:{github.clone_token(repository.name)}"
        return f"Basic {base64.b64encode(word.encode()).decode()}"

    return header
