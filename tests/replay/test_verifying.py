"""What a verification sees, and that it sees nothing else: edits of the log, of each table, of what was computed."""

import msgspec
import pytest
from msgspec.structs import replace

from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.domain.ids import EventId, IncidentId, TenantId
from premortem.domain.timeline import encode
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Append, Reach, Saved
from replay.verifying.incident_records import every, kept_of
from replay.verifying.verification import verify
from tests.builders import NOW, detected, incident
from tests.replay.kept_story import ID, RULES, TENANT, Story, failed, materialize, verification, written
from tests.workers.shop_archive import MINUTE, event

READ, IDS, ROWS = "records can be read", "ids name one fact each", "rows are the records of the log"
ROW_CHAIN, HEAD, UPON = "hash chain of the rows", "hash chain of the incident", "heads that answers were made upon"
FOLD, DERIVED = "the fold is the stored incident", "ids follow from what caused them"
HASHES, CITED = "evidence has the hash of what it holds", "citations open, and hold their quotes"
DECIDED, CAUSES = "decisions follow from their gates", "causes are what the rules allow"
VERDICTS, ARCHIVE = "verdicts on fixes follow from the counts", "counts are those of the archive"


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture
def pool(postgres_dsn: str, story: Story) -> Pool:
    """The story in PostgreSQL: the log, and the tables as `materialize` writes them."""
    found = open_pool(postgres_dsn, size=2)
    create_topics(found, 2)
    log = PostgresEventLog(found)
    log.append([Append("debugging.timeline", ID, value) for value in story.values()])
    materialize(log, PostgresIncidentStore(found))
    return found


def test_a_story_that_nobody_touched_is_right_in_every_number(story: Story) -> None:
    found = verification(story.bench.log, story.bench.incidents, story.archive)
    assert failed(found) == {}
    assert found.passed
    assert {check.what: check.count for check in found.checks} == {
        READ: 11, IDS: 11, ROWS: 11, ROW_CHAIN: 11, HEAD: 1, UPON: 4, FOLD: len(story.incident().__struct_fields__),
        DERIVED: 11, HASHES: 8, CITED: 6, DECIDED: 1, CAUSES: 1, VERDICTS: 2, ARCHIVE: 5,
    }  # fmt: skip
    assert [(check.gone, check.said) for check in found.checks] == [(0, ())] * 14
    assert found.head == story.bench.incidents.load([ID])[ID].chain


EDITS = {
    "a person's words": ("HumanResponded", b"I am looking", b"I have looked", {UPON}),
    "an evidence's result": ("ContextBuilt", rb"\"events\":6", rb"\"events\":7", {UPON, HASHES}),
    "an evidence's hash": ("ContextBuilt", b'"hash":"', b'"hash":"0', {UPON, HASHES}),
    "a quote": ("RootCauseProposed", b'"quote":"', b'"quote":"not ', {UPON, CITED, CAUSES}),
    "a confidence": ("RootCauseProposed", b'"confidence":0.', b'"confidence":0.0', {UPON, CAUSES}),
    "a cap": ("RootCauseProposed", b'"cap":0.9', b'"cap":0.95', {UPON, CAUSES}),
    "a gate": ("IncidentDetected", b'"passed":true', b'"passed":false', {UPON, DECIDED}),
    "what was detected": ("IncidentDetected", b'"fingerprint":"a', b'"fingerprint":"b', {UPON, DERIVED}),
    "what a gate saw": ("IncidentDetected", b'"observed":0.5', b'"observed":50.5', {UPON, DECIDED}),
    "a chance": ("EvaluationCompleted", b'"p_lower":0.0', b'"p_lower":0.01', {VERDICTS}),
    "a count": ("EvaluationCompleted", b'"before_events":294', b'"before_events":295', {VERDICTS}),
    "a verdict": ("EvaluationCompleted", b'"verdict":"effective"', b'"verdict":"harmful"', {VERDICTS}),
    "a measured total": ("EvaluationCompleted", rb"\"events\":[294,0]", rb"\"events\":[293,0]", {HASHES, VERDICTS}),
    "an id": ("PullRequestOpened", b'"id":"', b'"id":"0', {DERIVED, UPON}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_log_is_seen_when_every_table_was_rebuilt_from_it(story: Story, edit: str) -> None:
    kind, old, new, seen = EDITS[edit]
    values = story.values()
    at = max(n for n, value in enumerate(values) if f'"kind":"{kind}"'.encode() in value)
    assert old in values[at]
    values[at] = values[at].replace(old, new, 1)
    found = failed(verification(*written(values), story.archive))
    assert set(found) == seen
    assert all(f"offset {at} {kind}" in found[check][0] for check in seen - {UPON})


def test_a_fact_that_was_taken_out_of_the_log_is_missed_by_the_answers_behind_it(story: Story) -> None:
    values = story.values()
    note = next(n for n, value in enumerate(values) if b"HumanResponded" in value)
    found = failed(verification(*written([*values[:note], *values[note + 1 :]]), story.archive))
    assert set(found) == {UPON}
    assert [where.split()[-1] for where in found[UPON]] == ["RootCauseProposed", *["EvaluationCompleted"] * 2]


TAMPERED = {
    "a byte of the log": (
        b"UPDATE log_timeline SET value = convert_to(replace(convert_from(value, 'UTF8'), 'I am', 'I as'), 'UTF8')",
        {ROWS, ROW_CHAIN, HEAD, UPON},
    ),
    "a row of the timeline": (
        b"UPDATE timeline_events SET value = convert_to(replace(convert_from(value, 'UTF8'), 'I am', 'I as'), 'UTF8')",
        {ROWS},
    ),
    "a kind in the timeline": (b"UPDATE timeline_events SET kind = 'TaskFailed' WHERE kind = 'FixApplied'", {ROWS}),
    "a row that is gone": (b"DELETE FROM timeline_events WHERE kind = 'FixApplied'", {ROWS}),
    "a row too many": (
        b"INSERT INTO timeline_events SELECT incident_id, 'other', tenant_id, kind, occurred_at, value, log_partition, "
        b"log_offset, chain FROM timeline_events WHERE kind = 'FixApplied'",
        {ROWS},
    ),
    "a link": (b"UPDATE timeline_events SET chain = repeat('0', 64) WHERE kind = 'FixApplied'", {ROW_CHAIN}),
    "the head": (b"UPDATE incidents SET chain = repeat('0', 64)", {HEAD}),
    "the incident": (
        b"UPDATE incidents SET value = convert_to(replace(convert_from(value, 'UTF8'), '\"high\"', '\"low\"'), 'UTF8')",
        {FOLD},
    ),
    "a record that is no fact": (
        b"UPDATE log_timeline SET value = 'nothing' WHERE \"offset\" = 10",
        {READ, ROWS, HEAD, FOLD},
    ),
}


@pytest.mark.parametrize("edit", TAMPERED)
def test_an_edit_of_any_table_is_seen_and_nothing_else(story: Story, pool: Pool, edit: str) -> None:
    log, store = PostgresEventLog(pool), PostgresIncidentStore(pool)
    assert failed(verification(log, store, story.archive)) == {}
    statement, seen = TAMPERED[edit]
    with pool.connection() as connection:
        assert connection.execute(statement).rowcount
    assert set(failed(verification(log, store, story.archive))) == seen
    pool.close()


def test_a_failure_says_where_and_which_two_values(story: Story) -> None:
    log, store = written(story.values())
    saved = store.load([ID])[ID]
    store.save([replace(saved, incident=replace(saved.incident, failed_fixes=3), offset=saved.offset + 1)], [])
    (check,) = [check for check in verification(log, store, None).checks if check.state == "FAILED"]
    (wrong,) = check.wrong
    assert (wrong.where, wrong.expected, wrong.found) == ("the incident's row, failed_fixes", "0", "3")


def test_rows_without_a_chain_are_told_of_and_are_no_failure(story: Story) -> None:
    log, store = written(story.values())
    saved = store.load([ID])[ID]
    bare = MemoryIncidentStore()
    bare.save([replace(saved, chain="")], [replace(row, chain="") for row in store.timeline(TENANT, ID, -1, 99)])
    found = {check.what: check for check in verification(log, bare, story.archive).checks}
    assert (found[ROW_CHAIN].state, found[HEAD].state, found[UPON].state) == ("gone", "gone", "ok")
    assert "premortem replay rebuild --swap" in found[HEAD].said[0]


def test_what_materialize_has_not_come_to_yet_is_told_of_and_is_no_failure(story: Story) -> None:
    log, _ = written(story.values())
    _, behind = written(story.values()[:7])
    found = verification(log, behind, story.archive)
    assert failed(found) == {}
    assert [check.said for check in found.checks if check.what == ROWS] == [
        ("materialize has 4 of its facts before it.",)
    ]


class Away(MemoryEvidenceStore):
    """Does not answer."""

    def event(self, *_: object) -> None:
        raise Unavailable("away")

    def counts(self, *_: object) -> list[object]:  # type: ignore[override]
        raise Unavailable("away")

    def reach(self, *_: object) -> Reach | None:
        raise Unavailable("away")

    def release_counts(self, *_: object) -> list[object]:  # type: ignore[override]
        raise Unavailable("away")


@pytest.mark.parametrize("archive", [None, Away(), MemoryEvidenceStore()], ids=["away", "stopped", "emptied"])
def test_an_archive_that_cannot_tell_any_more_is_no_failure(story: Story, archive: MemoryEvidenceStore | None) -> None:
    found = verification(story.bench.log, story.bench.incidents, archive)
    check = found.checks[-1]
    assert (found.passed, check.what, check.state, check.gone) == (True, ARCHIVE, "gone", 5)
    assert ("does not answer" in check.said[0]) == (archive is None or isinstance(archive, Away))


def test_rows_that_arrived_later_are_told_of(story: Story) -> None:
    archive = Story().archive
    archive.insert([event(NOW + 30 * MINUTE + n) for n in range(1, 4)])
    check = verification(story.bench.log, story.bench.incidents, archive).checks[-1]
    assert (check.state, check.gone) == ("ok", 0)
    assert check.said == (
        "3 more events in those minutes have arrived since they were counted.",
        "3 more events have arrived since they were counted.",
        "3 more events of those releases have arrived since they were counted.",
    )


def test_an_archived_event_that_says_something_else_than_what_was_frozen_is_a_failure(story: Story) -> None:
    archive = MemoryEvidenceStore()
    archive.insert([event(NOW + 5, event_id=EventId("1" * 32))])
    found = failed(verification(story.bench.log, story.bench.incidents, archive))
    assert list(found) == [ARCHIVE]
    assert found[ARCHIVE][0].endswith(f"event {'1' * 32}, occurred at")


@pytest.mark.parametrize(
    ("rules", "what"),
    [(replace(RULES, cause_version=99), CAUSES), (replace(RULES, evaluation_version=99), VERDICTS)],
    ids=["cause", "evaluation"],
)
def test_what_another_version_judged_is_not_judged_again(story: Story, rules: object, what: str) -> None:
    kept = kept_of(story.bench.log, story.bench.incidents, TENANT, ID)
    found = verify(kept, rules, story.archive)  # type: ignore[arg-type]
    assert found.passed
    assert [check.what for check in found.checks if check.state == "gone"] == [what]


def test_a_fact_that_was_written_twice_is_one_and_another_fact_under_its_id_is_a_failure(story: Story) -> None:
    values = story.values()
    again = verification(*written([*values, values[3]]), story.archive)
    assert again.passed
    assert [check.said for check in again.checks if check.what == IDS] == [
        ("1 written again under the same id: the first one counts.",)
    ]
    stolen = msgspec.json.encode(msgspec.json.decode(values[2]) | {"id": msgspec.json.decode(values[3])["id"]})
    assert set(failed(verification(*written([*values, stolen]), story.archive))) == {IDS}


def test_every_incident_of_a_tenant_is_looked_at_and_no_other_ones(story: Story) -> None:
    log, store = written(story.values())
    theirs, mine = detected("theirs", tenant_id=TenantId("other")), detected("mine")
    log.append([Append("debugging.timeline", fact.incident_id, encode(fact)) for fact in (theirs, mine)])
    store.save([Saved(incident("lost"), 0, 0)], [])
    read: list[tuple[int, int]] = []
    found = {
        kept.incident_id: verify(kept, RULES, None) for kept in every(log, store, TENANT, lambda *n: read.append(n))
    }
    assert set(found) == {ID, mine.incident_id, incident("lost").id}
    assert found[ID].passed
    assert READ in failed(found[incident("lost").id])
    assert read[-1] == (13, 13)


@pytest.mark.parametrize("tenant", [TENANT, TenantId("other")])
def test_an_incident_that_the_tenant_does_not_have_is_a_clear_error(story: Story, tenant: TenantId) -> None:
    wanted = IncidentId("absent") if tenant == TENANT else ID
    with pytest.raises(Malformed, match="premortem incidents list"):
        kept_of(story.bench.log, story.bench.incidents, tenant, wanted)
