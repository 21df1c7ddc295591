"""What the product promises at the least, each by a test over one run of the whole stack with a real SDK, a real git
repository and the double of GitHub.
"""

import io
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rich.console import Console

from demo.fix import Drafted, to_the_end, up_to_the_draft
from demo.printing import Printer
from demo.sample_repository import BAD, NAME
from demo.stage import Stage, staged
from demo.waiting import Watch, first_incident
from premortem import bootstrap
from premortem.domain.evidence import Citation, evidence_hash
from premortem.domain.ids import TenantId
from premortem.domain.tasks import ProposeFix, ProposeRootCause, task_id
from premortem.domain.telling import tell
from premortem.domain.timeline import ContextBuilt, IncidentDetected, InstrumentationProposed, RootCauseProposed
from premortem.ports import Project

_SECONDS = 120.0
_PROGRAM = """
import sentry_sdk
def stamp(event, hint):
    event["timestamp"] = {at!r} / 1000
    return event
sentry_sdk.init({dsn!r}, release="stockroom@7", environment="production", before_send=stamp,
                shutdown_timeout=60)
def shelve(goods):
    return goods.shelf.upper()
shelve(None)
"""
"""A program that nobody has told Premortem the code of."""


@dataclass
class Story:
    """One run: the shop's incident up to the draft, and a stockroom's, whose code nobody has mapped."""

    stage: Stage
    drafted: Drafted
    stockroom: Project
    printer: Printer
    printed: io.StringIO

    @property
    def incident(self) -> str:
        return self.drafted.watch.incident

    def context(self) -> ContextBuilt:
        return next(fact for fact in self.drafted.watch.facts if isinstance(fact, ContextBuilt))

    def premortem(self, *words: str) -> str:
        environment = {**os.environ, "PREMORTEM_DATA_DIR": str(self.stage.settings.data_dir)}
        done = subprocess.run(
            [sys.executable, "-m", "premortem.cli", *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    directory = tmp_path_factory.mktemp("mvp")
    printed = io.StringIO()
    printer = Printer(Console(file=printed, width=10_000), time.monotonic())
    with staged(directory / "stack", ineffective=False) as stage:
        with bootstrap.administration(stage.settings) as administration:
            key = secrets.token_hex(16)
            stockroom = administration.create_project(TenantId("default"), "stockroom", "Stockroom", key)
        program = directory / "stockroom.py"
        program.write_text(_PROGRAM.format(dsn=stage.dsn(stockroom), at=stage.clock.now()))
        shelving = subprocess.Popen([sys.executable, str(program)], stderr=subprocess.DEVNULL)
        drafted = up_to_the_draft(stage, printer)
        assert shelving.wait(_SECONDS) == 1
        yield Story(stage, drafted, stockroom, printer, printed)


def test_a_real_sentry_error_is_ingested(story: Story) -> None:
    (shown,) = story.stage.incidents(project=story.stage.project.id)
    body = story.stage.get(shown["origin"].removeprefix(story.stage.url)).json()
    assert body["sdk"]["name"].startswith("sentry.python")
    assert (body["release"], body["environment"]) == (shown["release"], "production")
    (failed,) = body["exception"]["values"]
    assert (failed["type"], failed["value"], failed["mechanism"]["handled"]) == ("KeyError", "'WINTER'", False)
    frame = failed["stacktrace"]["frames"][-1]
    assert (frame["filename"], frame["function"], frame["vars"]) == (
        "shop/pricing.py",
        "discount",
        {"voucher": "'WINTER'"},
    )
    assert [crumb["message"] for crumb in body["breadcrumbs"]["values"]][-1].startswith("checkout of")


def test_an_incident_is_created_and_analysed_down_to_the_commit(story: Story) -> None:
    facts = story.drafted.watch.facts
    assert [type(fact) for fact in facts[:3]] == [IncidentDetected, ContextBuilt, RootCauseProposed]
    cause, code = story.drafted.cause, story.stage.code
    assert cause.suspect is not None
    assert (cause.suspect.commit, cause.suspect.subject) == (code.commits[BAD.subject], BAD.subject)
    assert cause.location is not None
    assert (cause.location.commit, cause.location.path, cause.location.line) == (code.bad, "shop/pricing.py", 9)
    assert (cause.verdict, cause.confidence, cause.cap) == ("probable", 0.9, 0.9)
    detail = story.stage.get(f"/incidents/{story.incident}").json()
    assert detail["cause"] == {"verdict": "probable", "summary": cause.summary, "confidence": 0.9}
    commits = next(each for each in story.context().evidence if each.kind == "commits")
    assert all(commit in commits.result for commit in code.commits.values()), "the harmless commits were looked at too"


def test_context_that_is_missing_is_identified_with_how_to_have_it(story: Story) -> None:
    seen = Watch(story.stage, first_incident(story.stage, story.stockroom, _SECONDS), lambda _: None)
    context = seen.until(ContextBuilt, "the context", _SECONDS)
    gaps = {gap.id: gap for gap in context.gaps}
    assert (gaps["repository"].why, gaps["repository"].what) == ("not_configured", "the project's code")
    assert gaps["repository"].how == "premortem repository add PROJECT owner/name URL"
    assert {"deploys", "similar"} <= gaps.keys()
    cause = seen.until(RootCauseProposed, "the root cause", _SECONDS)
    assert (cause.verdict, cause.suspect) == ("inconclusive", None)
    assert cause.confidence <= 0.5
    assert cause.next_action.startswith("Supply what is missing")
    proposed = seen.until(InstrumentationProposed, "the instrumentation", _SECONDS)
    assert not proposed.ready
    assert proposed.summary == "No instrumentation: the project has no repository"
    said = story.premortem("incidents", "show", seen.incident)
    assert "the project's code (not configured)" in said
    assert "premortem repository add" in said


def test_a_draft_pull_request_is_generated_with_cause_evidence_and_checks(story: Story) -> None:
    opened, code = story.drafted.opened, story.stage.code
    pull = story.stage.pull(opened.number)
    assert (pull.draft, pull.base, pull.head) == (True, "main", opened.branch)
    body = pull.body or ""
    for part in ("## Cause", "## Evidence", "## Checks", "## What was not verified", "## Rollback"):
        assert part in body
    assert code.commits[BAD.subject] in body
    assert all(evidence.id in body for evidence in story.context().evidence)
    assert [line for line in body.splitlines() if line.startswith(("| `reproduction`", "| `tests`"))] == [
        "| `reproduction` | passed | yes |",
        "| `tests` | passed | yes |",
    ]
    good, mended = (code.bare.text(commit, "shop/pricing.py") for commit in (code.good, pull.head))
    assert mended == good
    assert code.bare.head("main") == code.bad, "nothing is merged, and the branch is as it was"
    (shown,) = story.stage.get(f"/incidents/{story.incident}").json()["pull_requests"]
    assert (shown["repository"], shown["number"], shown["state"]) == (NAME, pull.number, "draft")
    assert story.stage.github.violations == []


def test_the_reasoning_can_be_traced_and_inspected(story: Story) -> None:
    context, cause, fix = story.context(), story.drafted.cause, story.drafted.fix
    cited: list[Citation] = [step.citation for step in cause.chain]
    for hypothesis in cause.hypotheses:
        cited += (*hypothesis.supports, *hypothesis.contradicts)
    assert len(cited) >= 3
    for citation in cited:
        assert citation.evidence_id in context.evidence_ids
        shown = story.stage.get(f"/incidents/{story.incident}/evidence/{citation.evidence_id}").json()
        assert citation.quote in shown["result"]
        parameters = tuple((name, value) for name, value in shown["parameters"])
        assert shown["hash"] == evidence_hash(shown["kind"], shown["query"], parameters, shown["result"])
    makers = [fact.made for fact in (context, cause, fix, story.drafted.opened) if fact.made is not None]
    assert [made.agent for made in makers] == ["context", "rules", "rules", "pull-requests"]
    assert all((made.by, made.agent_version > 0, made.task_id != "") == ("rules", True, True) for made in makers)
    assert makers[1].task_id == task_id(ProposeRootCause, context.id)
    assert makers[2].task_id == task_id(ProposeFix, cause.id)
    assert all(len(made.trace_id) == 32 for made in makers[1:3])
    said = story.premortem("incidents", "show", story.incident)
    for fact in story.drafted.watch.facts:
        assert f"{type(fact).__name__}: {tell(fact)}" in said
    for part in (cause.summary, cause.cap_reason, cause.next_action, makers[1].trace_id, story.drafted.opened.url):
        assert part in said
    assert all(hypothesis.mechanism in said for hypothesis in cause.hypotheses)
    assert all(evidence.id in said for evidence in context.evidence)
    opened = story.premortem("incidents", "evidence", story.incident, cited[0].evidence_id)
    assert cited[0].quote in opened


def test_merged_and_deployed_the_fix_is_measured_and_resolves_the_incident(story: Story) -> None:
    to_the_end(story.stage, story.drafted, story.printer, ineffective=False)
    detail = story.stage.get(f"/incidents/{story.incident}").json()
    assert (detail["incident"]["status"], detail["failed_fixes"]) == ("resolved", 0)
    merged = story.stage.code.bare.head("main") or ""
    assert detail["fix_release"] == f"shop@1.4.2+{merged[:12]}"
    assert [pull["state"] for pull in detail["pull_requests"]] == ["merged"]
    _, _, timeline = story.printed.getvalue().partition("The timeline")
    assert all(tell(fact) in timeline for fact in story.drafted.watch.facts)
    assert "resolved by its error rate after the deploy" in timeline
    assert "EvaluationCompleted" in story.premortem("incidents", "show", story.incident)
