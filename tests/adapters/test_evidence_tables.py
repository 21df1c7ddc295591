"""How archived rows become insertions: portions that fit into one body, one table each, nothing lost or reordered."""

from premortem.adapters.evidence_store.tables import portions, text
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId


def _event(number: int, size: int) -> ArchivedEvent:
    return ArchivedEvent(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        event_id=EventId(f"{number:032x}"),
        fingerprint=Fingerprint("f" * 32),
        occurred_at=0,
        received_at=0,
        level="error",
        platform="python",
        release="",
        environment="",
        user_hash="",
        title="boom",
        tags=(),
        payload=bytes(size),
    )


def _deploy(number: int) -> ArchivedDeploy:
    return ArchivedDeploy(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        deploy_id=str(number),
        deployed_at=0,
        release="",
        environment="",
    )


def test_rows_of_each_kind_go_together_in_their_order() -> None:
    rows: list[ArchivedRow] = [_event(1, 10), _deploy(1), _event(2, 10), _deploy(2)]
    assert [(table.name, portion) for table, portion in portions(rows)] == [
        ("raw_events", [rows[0], rows[2]]),
        ("deploys", [rows[1], rows[3]]),
    ]
    assert list(portions([])) == []


def test_large_rows_are_spread_over_bodies_that_a_server_takes() -> None:
    rows = [_event(number, 1 << 20) for number in range(70)] + [_event(70, 50 << 20)]
    found = [portion for _, portion in portions(rows)]
    assert [row for portion in found for row in portion] == rows
    assert [len(portion) for portion in found] == [31, 31, 8, 1]


def test_a_lone_surrogate_becomes_a_question_mark_and_everything_else_utf_8() -> None:
    assert text("ü\ud800\0") == "ü?\0".encode()
