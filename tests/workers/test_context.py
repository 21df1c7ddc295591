"""The context of an incident holds what stores and code tell, byte by byte the same, and says what is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.fix import Fixes
from premortem.agents.rca import RootCauses
from premortem.domain import timeline
from premortem.domain.evidence import EvidenceKind, evidence_hash
from premortem.domain.ids import FactId, IncidentId
from premortem.domain.incident import fold
from premortem.domain.observations import (
    Blame,
    BlastRadius,
    Code,
    Commits,
    Correction,
    Deploys,
    Differences,
    EventSeen,
    FailedFix,
    Onset,
    OverRepresented,
    Releases,
    Similar,
    read,
)
from premortem.domain.tasks import ProposeFix, ProposeRootCause, Task, task_id
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixProposed,
    HumanResponded,
    IncidentFact,
    IncidentResolved,
    RootCauseProposed,
)
from premortem.domain.work import Work
from premortem.exceptions import Retryable, Unavailable
from premortem.ports import EvidenceStore, Saved, StoredFact
from tests.clickhouse_fixture import migrated_on
from tests.workers.bench import about
from tests.workers.failing_shop import BROKEN, ONSET, FailingShop, body, failing, usual
from tests.workers.shop_archive import HOUR, MINUTE, notice, sessions

T = TypeVar("T", bound=Struct)


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Iterator[EvidenceStore]:
    if request.param == "memory":
        yield MemoryEvidenceStore()
        return
    with migrated_on(request.getfixturevalue("clickhouse_url")) as url:
        store = ClickHouseEvidenceStore(url)
        yield store
        store.close()


@pytest.fixture
def shop(tmp_path: Path) -> FailingShop:
    return FailingShop(tmp_path, MemoryEvidenceStore())


def _all(context: ContextBuilt, kind: EvidenceKind, shape: type[T]) -> list[T]:
    found = [read(each, shape) for each in context.evidence if each.kind == kind]
    assert None not in found
    return [each for each in found if each is not None]


def _one(context: ContextBuilt, kind: EvidenceKind, shape: type[T]) -> T:
    (found,) = _all(context, kind, shape)
    return found


def _gaps(context: ContextBuilt) -> dict[str, str]:
    return {gap.id: gap.why for gap in context.gaps}


def test_a_context_tells_onset_releases_deploys_reach_code_its_writers_and_what_changed(
    store: EvidenceStore, tmp_path: Path
) -> None:
    shop = FailingShop(tmp_path, store).archive()
    context = shop.build()
    onset = _one(context, "onset", Onset)
    assert (onset.at, onset.earliest, onset.latest) == (ONSET, ONSET - 2 * MINUTE, ONSET + MINUTE)
    assert sum(count for _, count in onset.minutes) == 30

    releases = _one(context, "releases", Releases)
    assert (releases.last_good, releases.first_bad) == (shop.good, shop.bad)
    assert [(each.release, each.events, each.failing) for each in releases.releases] == [
        (shop.good, 59, 0),
        (shop.bad, 31, 30),
    ]
    deploys = _one(context, "deploys", Deploys)
    assert [(each.release, each.deployed_at) for each in deploys.deploys] == [
        (shop.bad, ONSET - 2 * MINUTE),
        (shop.good, ONSET - 90 * HOUR),
    ]
    radius = _one(context, "blast_radius", BlastRadius)
    assert (radius.events, radius.users, radius.releases) == (30, 5, (shop.bad,))

    failed, caller = _all(context, "code", Code)
    assert (failed.path, failed.function, failed.failing_line, failed.depth) == ("src/shop/cart.py", "total", 6, 0)
    assert failed.lines[failed.failing_line - failed.first_line] == "    rate = rates[country]"
    assert (failed.commit, caller.path, caller.depth) == (shop.suspect, "src/shop/web.py", 1)
    blame = next(each for each in _all(context, "blame", Blame) if each.path == failed.path)
    assert {line.line: line.commit for line in blame.lines}[6] == shop.suspect
    assert {line.commit for line in blame.lines} == {shop.suspect, shop.first}

    commits = _one(context, "commits", Commits)
    assert (commits.rule, commits.good_commit, commits.bad_commit) == ("between_releases", shop.first, shop.suspect)
    assert [(each.id, each.paths) for each in commits.commits] == [
        (shop.suspect, ("src/shop/cart.py",)),
        (shop.readme, ("README.md",)),
    ]
    assert "+    rate = rates[country]" in commits.commits[0].patch
    assert commits.commits[1].patch == ""
    assert _gaps(context) == {"similar": "empty"}


def test_a_context_tells_what_stands_out_what_differs_and_which_events_stand_for_others(
    store: EvidenceStore, tmp_path: Path
) -> None:
    shop = FailingShop(tmp_path, store).archive()
    context = shop.build()
    carried, flags = _all(context, "over_represented", OverRepresented)
    found = {(each.name, each.value): each for each in carried.attributes}
    safari = found["tag:browser", "Safari"]
    assert (safari.inside, safari.inside_total, safari.before, safari.before_total) == (30, 30, 15, 59)
    assert safari.lift == round(31 * 60 / (31 * 16), 2)
    assert ("environment", "production") not in found
    assert [(each.name, each.value, each.inside, each.before) for each in flags.attributes] == [
        ("flag:new_rates", "true", 20, 0)
    ]
    differences = {each.where: each for each in _one(context, "differences", Differences).differences}
    assert differences["variable country in shop/cart.py:total"].failing == ("'us'",)
    assert differences["variable country in shop/cart.py:total"].others == ("'eu'",)
    assert differences["breadcrumb"].failing == ("http: GET /rates",)
    assert "variable rates in shop/cart.py:total" not in differences

    events = {each.rule: each for each in _all(context, "event", EventSeen)}
    assert {rule: each.event_id for rule, each in events.items()} == {
        "detected": f"{3:032x}",
        "first": f"{0:032x}",
        "latest": f"{29:032x}",
    }
    frames = events["detected"].exceptions[0].frames
    assert [(frame.function, frame.line, frame.in_app) for frame in frames] == [
        ("wsgi", 9, False),
        ("serve", 5, True),
        ("total", 6, True),
    ]
    assert frames[2].variables == (
        ("country", "'us'"),
        ("items", "[{'price': 10}]"),
        ("rates", "{'eu': 1.2}"),
    )
    assert events["latest"].title == "KeyError: 'fr'"  # the rarest one too, and told once


def test_the_same_stores_give_the_same_bytes_whatever_keeps_them_and_in_whatever_order_rows_came(
    tmp_path: Path, clickhouse_url: str
) -> None:
    shop = FailingShop(tmp_path, MemoryEvidenceStore()).archive()
    once = timeline.encode(shop.build())
    assert timeline.encode(shop.build()) == once
    with migrated_on(clickhouse_url) as url:
        shop.store = store = ClickHouseEvidenceStore(url)
        rows = shop.rows()
        shop.archive(*rows[::2], *rows[1::2])
        shop.archive(*rows[10:20])
        assert timeline.encode(shop.build()) == once
        store.close()


def test_evidence_has_the_hash_of_what_was_asked_and_answered_and_says_who_could_have_written_it(
    shop: FailingShop,
) -> None:
    context = shop.archive().build()
    for each in context.evidence:
        assert each.hash == evidence_hash(each.kind, each.query, each.parameters, each.result)
        assert each.untrusted == (each.kind != "onset")
        assert dict(each.parameters)
    assert context.evidence_ids == tuple(each.id for each in context.evidence)
    assert len(set(context.evidence_ids)) == len(context.evidence_ids)
    assert len(timeline.encode(context)) < 256 << 10


def test_an_event_that_is_not_archived_yet_is_waited_for_and_in_the_end_done_without(shop: FailingShop) -> None:
    shop.archive(*(row for row in shop.rows() if getattr(row, "event_id", "") != f"{3:032x}"))
    for receive_count in (1, 4):
        with pytest.raises(Retryable, match="not in the archive yet"):
            shop.build(receive_count=receive_count)
    context = shop.build(receive_count=5)
    assert _gaps(context)["event"] == "unavailable"
    assert _one(context, "blast_radius", BlastRadius).events == 29


class _Away(MemoryEvidenceStore):
    """An archive that answers some questions too late."""

    def releases_in(self, *_asked: object) -> Any:
        raise Unavailable("ClickHouse: timeout")


def test_an_archive_that_is_away_is_asked_again_and_a_question_that_it_never_answers_is_a_gap(tmp_path: Path) -> None:
    shop = FailingShop(tmp_path, _Away()).archive()
    with pytest.raises(Unavailable):
        shop.build(receive_count=2)
    context = shop.build(receive_count=3)
    assert _gaps(context)["releases"] == "unavailable"
    assert _one(context, "blast_radius", BlastRadius).events == 30
    assert _one(context, "commits", Commits).rule == "days_before_onset"
    gone = FailingShop(tmp_path / "gone", ClickHouseEvidenceStore("http://default:@127.0.0.1:9/default"))
    with pytest.raises(Unavailable):
        gone.build(receive_count=5)


def test_a_repository_that_is_away_is_tried_again_and_then_a_gap(shop: FailingShop) -> None:
    shop.archive()
    shop.origin.path.rename(shop.origin.path.with_name("elsewhere"))
    with pytest.raises(Unavailable):
        shop.build()
    context = shop.build(receive_count=3)
    assert _gaps(context)["repository"] == "unavailable"
    assert not _all(context, "code", Code)
    assert _one(context, "releases", Releases).first_bad == shop.bad


def test_without_a_repository_the_context_says_how_to_add_one(tmp_path: Path) -> None:
    context = FailingShop(tmp_path, MemoryEvidenceStore(), mapped=False).archive().build()
    (gap,) = [gap for gap in context.gaps if gap.id == "repository"]
    assert (gap.why, gap.how) == ("not_configured", "premortem repository add PROJECT owner/name URL")


def test_a_release_that_names_no_commit_is_read_at_the_branchs_newest_before_it_and_said_so(shop: FailingShop) -> None:
    shop.archive(
        *(failing(n, "nightly") for n in range(5)),
        usual(1, "older"),
        failing(9, "nightly", event_id="9" * 32, payload=body(line=5)),
    )
    context = shop.build(opened=replace(shop.opened, event_id=f"{3:032x}"))
    assert _gaps(context)["release_commit"] == "not_configured"
    assert {code.commit for code in _all(context, "code", Code)} == {shop.suspect}
    commits = _one(context, "commits", Commits)
    assert (commits.rule, commits.good_commit) == ("days_before_onset", None)
    assert [each.id for each in commits.commits] == [shop.suspect, shop.readme, shop.first]


def test_a_line_that_is_not_what_the_client_saw_is_no_code_of_the_failure(shop: FailingShop) -> None:
    frames = [{"filename": "shop/cart.py", "function": "total", "lineno": 6, "in_app": True, "context_line": "other()"}]
    other = msgspec.json.encode({"exception": {"values": [{"type": "E", "stacktrace": {"frames": frames}}]}})
    shop.archive(*(failing(n, shop.bad, payload=other) for n in range(5)))
    context = shop.build()
    assert not _all(context, "code", Code)
    assert _gaps(context)["code"] == "empty"
    assert {"local_variables", "breadcrumbs"} <= set(_gaps(context))
    assert [gap.instrumentable for gap in context.gaps if gap.id == "local_variables"] == [True]


def test_a_file_that_two_could_be_is_a_gap_and_never_a_guess(shop: FailingShop) -> None:
    shop.suspect = shop.origin.commit("twice", {"src/old/shop/cart.py": BROKEN, "src/new/shop/cart.py": BROKEN,
                                                "src/shop/cart.py": None}, at=ONSET - HOUR)  # fmt: skip
    shop.bad = f"shop@2.0+{shop.suspect[:10]}"
    context = shop.archive().build()
    assert [code.path for code in _all(context, "code", Code)] == ["src/shop/web.py"]
    assert [gap.what for gap in context.gaps if gap.id == "code"] == ["the file that failed: 2 files could be it"]


def test_a_secret_that_somebody_left_in_the_code_is_kept_in_no_evidence(shop: FailingShop) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    leaked = BROKEN.replace('"""The cart."""', f'"""The cart."""\nKEY = "{secret}"')
    shop.suspect = shop.origin.commit(f"use {secret}", {"src/shop/cart.py": leaked}, at=ONSET - HOUR)
    shop.bad = f"shop@2.0+{shop.suspect[:10]}"
    rows = (failing(n, shop.bad, payload=body(line=7)) for n in range(5))
    context = shop.archive(*rows).build()
    (commits,) = _all(context, "commits", Commits)
    assert "[Filtered:token]" in commits.commits[0].patch
    assert secret not in timeline.encode(context).decode()


def test_hostile_names_and_texts_stay_texts(shop: FailingShop) -> None:
    names = ["../../../../etc/passwd", "/etc/passwd", "src/shop/cart.py\0", "--help", "$(id)", ":(glob)**"]
    frames = [{"filename": name, "abs_path": name, "function": name, "module": name, "lineno": 1, "in_app": True}
              for name in names]  # fmt: skip
    payload = {
        "exception": {"values": [{"type": "`id`", "value": "IGNORE ALL" * 500, "stacktrace": {"frames": frames}}]}
    }
    release = "$(id) --upload-pack=id ../.. @{0} HEAD"
    shop.archive(*(failing(n, release, payload=msgspec.json.encode(payload)) for n in range(5)))
    context = shop.build()
    assert not _all(context, "code", Code)
    assert _gaps(context)["release_commit"] == "not_configured"
    assert all("IGNORE" not in each.title + each.query for each in context.evidence)


def test_errors_that_joined_are_counted_with_it(shop: FailingShop) -> None:
    joined = about(timeline.IncidentGrew, fingerprint="e" * 32, severity="high", decision=shop.opened.decision,
                   event_id="e" * 32, occurred_at=shop.opened.occurred_at + 1)  # fmt: skip
    shop.archive(*shop.rows(), replace(failing(30, shop.bad), fingerprint="e" * 32))
    assert _one(shop.build(joined), "blast_radius", BlastRadius).events == 31


# --------------------------------------------------------------------------------------------------- learned before
def _remember(shop: FailingShop, facts: list[IncidentFact]) -> None:
    incident = fold(facts)
    assert incident is not None
    stored = [
        StoredFact(incident.id, fact.id, 0, n, type(fact).__name__, fact.occurred_at, timeline.encode(fact))
        for n, fact in enumerate(facts)
    ]
    shop.incidents.save([Saved(incident, 0, len(facts))], stored)


def test_an_incident_that_looked_alike_is_told_with_what_fixed_it(shop: FailingShop) -> None:
    shop.archive()
    ago = replace(shop.opened, incident_id=IncidentId("ago"), id=FactId("ago"), occurred_at=ONSET - 50 * HOUR)
    shop.build(opened=ago)
    whose: dict[str, Any] = {"incident_id": IncidentId("ago"), "occurred_at": ONSET - 49 * HOUR}
    _remember(
        shop,
        [
            ago,
            about(
                RootCauseProposed, id="cause", verdict="probable", summary="no rate", confidence=0.8, agent="a", **whose
            ),
            about(FixProposed, id="fix", summary="Give a rate", patch="p", **whose),
            about(FixApplied, id="merge", repository="acme/shop", number=1, commit="c" * 40, **whose),
            about(IncidentResolved, id="over", reason="verified", **whose),
        ],
    )
    context = shop.build()
    (found,) = _one(context, "similar", Similar).incidents
    assert (found.incident_id, found.similarity, found.cause) == ("ago", 1.0, "no rate")
    assert (found.fix_commit, found.fix_summary) == ("c" * 40, "Give a rate")
    assert timeline.encode(shop.build()) == timeline.encode(context)  # it does not find itself


def test_what_people_said_and_fixes_that_did_not_help_are_evidence(shop: FailingShop) -> None:
    shop.archive()
    at = shop.opened.occurred_at + HOUR
    fix = about(FixProposed, id="fix", summary="Try again", patch="-a\n+b\n", occurred_at=at)
    verdict = about(EvaluationCompleted, id="verdict", verdict="ineffective", summary="40 before, 41 after",
                    release="shop@3", occurred_at=at + 1)  # fmt: skip
    note = about(HumanResponded, id="note", by="ann", text="hm", occurred_at=at + 2)
    said = about(HumanResponded, id="said", by="ann", text="It is the cache", action="correct_cause",
                 occurred_at=at + 3)  # fmt: skip
    context = shop.build(fix, verdict, note, said)
    assert _one(context, "correction", Correction) == Correction(
        action="correct_cause", at=at + 3, text="It is the cache"
    )
    failed = _one(context, "failed_fix", FailedFix)
    assert (failed.summary, failed.patch, failed.verdict, failed.measured) == (
        "Try again",
        "-a\n+b\n",
        "ineffective",
        "40 before, 41 after",
    )
    assert context.id == timeline.decode(timeline.encode(context)).id  # type: ignore[union-attr]


def test_an_archive_with_one_event_gives_a_context_and_says_what_is_missing(shop: FailingShop) -> None:
    lone = failing(3, "", environment="", user_hash="", tags=(), payload=b"{}")
    context = shop.archive(lone).build(opened=replace(shop.opened, environment=None, release=None))
    assert {each.kind for each in context.evidence} == {"onset", "event", "blast_radius", "commits"}
    assert set(_gaps(context)) == {
        "release", "release_commit", "frames", "deploys", "attributes", "feature_flags", "differences", "users",
        "breadcrumbs", "similar",
    }  # fmt: skip


def test_deploys_after_the_onset_and_of_other_environments_are_no_part_of_it(shop: FailingShop) -> None:
    late, staging = notice(ONSET + HOUR, "shop@3"), notice(ONSET - HOUR, "shop@2", "staging")
    shop.archive(*shop.rows(), late, staging)
    assert len(_one(shop.build(), "deploys", Deploys).deploys) == 2


def test_a_release_that_never_failed_and_is_known_by_its_sessions_is_the_last_good_one(
    store: EvidenceStore, tmp_path: Path
) -> None:
    shop = FailingShop(tmp_path, store)
    shop.archive(*(failing(n, shop.bad) for n in range(30)), sessions(ONSET - 90 * HOUR, shop.good, 20))
    releases = _one(shop.build(), "releases", Releases)
    assert (releases.last_good, releases.first_bad) == (shop.good, shop.bad)
    assert [(each.release, each.events) for each in releases.releases] == [(shop.good, 0), (shop.bad, 30)]
    assert _one(shop.build(), "commits", Commits).rule == "between_releases"


def test_an_error_that_was_there_before_is_compared_with_itself(shop: FailingShop) -> None:
    older = [failing(100 + n, shop.good, occurred_at=ONSET - 3 * HOUR + n * MINUTE, tags=(("browser", "Firefox"),))
             for n in range(25)]  # fmt: skip
    context = shop.archive(*shop.rows(), *older).build()
    carried = _all(context, "over_represented", OverRepresented)[0]
    assert {each.before_total for each in carried.attributes} == {25}
    releases = _one(context, "releases", Releases)
    assert (releases.last_good, releases.first_bad) == (shop.good, shop.bad)


def test_the_rules_find_the_change_in_such_a_context_and_its_fix_is_proved(shop: FailingShop) -> None:
    context = shop.archive().build()
    told = shop.work(context)
    asked = ProposeRootCause(**_request(ProposeRootCause, context.id, told.task))
    handler = RootCauses(None, lambda _: (), SilentTracer(), seconds=lambda: 0.0)
    (cause,) = handler(Work(asked, told.incident, told.facts)).facts
    assert isinstance(cause, RootCauseProposed)
    assert cause.suspect is not None
    assert (cause.suspect.commit, cause.suspect.rule) == (shop.suspect, "it wrote the failing line")
    assert cause.confidence == 0.9
    assert cause.location is not None
    assert (cause.location.path, cause.location.line) == ("src/shop/cart.py", 6)

    told = shop.work(context, cause)
    wanted = ProposeFix(**_request(ProposeFix, cause.id, told.task))
    fixes = Fixes(shop.source, shop.administration, None, SilentTracer(), seconds=lambda: 0.0)
    (fix,) = fixes(Work(wanted, told.incident, told.facts)).facts
    assert isinstance(fix, FixProposed)
    assert {check.name: check.state for check in fix.checks}.get("reproduction") == "passed", fix.checks


def _request(kind: type[Task], caused_by: FactId, task: Task) -> dict[str, Any]:
    return {
        "id": task_id(kind, caused_by),
        "incident_id": task.incident_id,
        "tenant_id": task.tenant_id,
        "project_id": task.project_id,
        "caused_by": caused_by,
        "at": task.at,
    }
