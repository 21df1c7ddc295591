"""The rows that a store keeps of an incident: made of its state and its facts, and of nothing else."""

from collections.abc import Sequence

from premortem.domain import incident as domain
from premortem.domain.ids import TenantId
from premortem.domain.incident import Incident
from premortem.ports import Rows, Saved, StoredFact

Row = tuple[object, ...]

COLUMNS: dict[str, tuple[str, ...]] = {
    "incidents": (
        "id",
        "tenant_id",
        "project_id",
        "status",
        "severity",
        "environment",
        "title",
        "culprit",
        "opened_at",
        "value",
        "log_partition",
        "log_offset",
        "chain",
    ),
    "incident_fingerprints": ("incident_id", "tenant_id", "project_id", "fingerprint"),
    "pull_requests": ("incident_id", "tenant_id", "repository", "number", "url", "branch", "state"),
    "timeline_events": (
        "incident_id",
        "fact_id",
        "tenant_id",
        "kind",
        "occurred_at",
        "value",
        "log_partition",
        "log_offset",
        "chain",
    ),
}
"""Every table of incidents and its columns, in the order of the table; the first tables are referred to by the rest."""

KEYS: dict[str, tuple[str, ...]] = {
    "incidents": (),
    "incident_fingerprints": ("fingerprint",),
    "pull_requests": ("repository", "number"),
    "timeline_events": ("fact_id",),
}
"""What tells the rows of one incident apart."""


TYPES: dict[str, str] = {
    "value": "bytea",
    "project_id": "int8",
    "opened_at": "int8",
    "occurred_at": "int8",
    "log_offset": "int8",
    "log_partition": "int4",
    "number": "int4",
}
"""Types of the columns that are not text."""


def incident_row(saved: Saved) -> Row:
    """Return the row of the incident itself."""
    i = saved.incident
    return (
        i.id,
        i.tenant_id,
        i.project_id,
        i.status,
        i.severity,
        i.environment,
        i.title,
        i.culprit,
        i.opened_at,
        domain.encode(i),
        saved.partition,
        saved.offset,
        saved.chain,
    )


def fingerprint_rows(incident: Incident) -> list[Row]:
    """Return a row for each error of the incident."""
    return [(incident.id, incident.tenant_id, incident.project_id, each) for each in incident.fingerprints]


def pull_request_rows(incident: Incident) -> list[Row]:
    """Return a row for each pull request; of one that was told twice, as it was told last."""
    told = {(pr.repository, pr.number): pr for pr in incident.pull_requests}
    return [
        (incident.id, incident.tenant_id, pr.repository, pr.number, pr.url, pr.branch, pr.state) for pr in told.values()
    ]


def fact_row(fact: StoredFact, tenant: TenantId) -> Row:
    """Return the row of a fact, which is of its incident's tenant."""
    return (
        fact.incident_id,
        fact.fact_id,
        tenant,
        fact.kind,
        fact.occurred_at,
        fact.value,
        fact.partition,
        fact.offset,
        fact.chain,
    )


def rows_of(saved: Saved | None, facts: Sequence[StoredFact]) -> Rows:
    """Return all rows of one incident with these facts; none at all when there is no incident."""
    if saved is None:
        return by_key({})
    incident = saved.incident
    return by_key(
        {
            "incidents": [incident_row(saved)],
            "incident_fingerprints": fingerprint_rows(incident),
            "pull_requests": pull_request_rows(incident),
            "timeline_events": [fact_row(fact, incident.tenant_id) for fact in facts],
        }
    )


def by_key(rows: dict[str, list[Row]]) -> Rows:
    """Return rows in the order of their tables' columns by table and key."""
    named = {table: [dict(zip(names, row)) for row in rows.get(table, ())] for table, names in COLUMNS.items()}
    return {t: {tuple(row[key] for key in KEYS[t]): row for row in named[t]} for t in COLUMNS}
