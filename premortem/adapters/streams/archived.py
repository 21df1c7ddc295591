"""From the payload record to the archive's row."""

from typing import assert_never

from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedLog, ArchivedRow, ArchivedSessions
from premortem.domain.payload import Body, DeployBody, EventBody, LogBody, SessionsBody


def archived_row(body: Body) -> ArchivedRow:
    """Return the row of a body; an event's JSON goes over as the very bytes that were hashed."""
    match body:
        case EventBody():
            return ArchivedEvent(
                tenant_id=body.tenant_id,
                project_id=body.project_id,
                event_id=body.event_id,
                fingerprint=body.fingerprint,
                occurred_at=body.occurred_at,
                received_at=body.received_at,
                level=body.level,
                platform=body.platform,
                release=body.release,
                environment=body.environment,
                user_hash=body.user_hash,
                title=body.title,
                tags=body.tags,
                payload=bytes(body.payload),
            )
        case LogBody():
            return ArchivedLog(
                tenant_id=body.tenant_id,
                project_id=body.project_id,
                log_id=body.log_id,
                occurred_at=body.occurred_at,
                level=body.level,
                body=body.body,
                trace_id=body.trace_id,
                attributes=bytes(body.attributes),
            )
        case SessionsBody():
            return ArchivedSessions(
                tenant_id=body.tenant_id,
                project_id=body.project_id,
                row_id=body.row_id,
                started_at=body.started_at,
                release=body.release,
                environment=body.environment,
                exited=body.exited,
                errored=body.errored,
                crashed=body.crashed,
                abnormal=body.abnormal,
            )
        case DeployBody():
            return ArchivedDeploy(
                tenant_id=body.tenant_id,
                project_id=body.project_id,
                deploy_id=body.deploy_id,
                deployed_at=body.deployed_at,
                release=body.release,
                environment=body.environment,
            )
        case _:
            assert_never(body)
