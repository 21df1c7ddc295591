INSERT INTO pull_requests (incident_id, tenant_id, repository, number, url, branch, state)
SELECT id, tenant_id, %(repository)s, %(number)s, %(url)s, %(branch)s, %(state)s FROM incidents
WHERE id = %(incident_id)s AND log_offset = %(log_offset)s -- else somebody has saved what is newer
ON CONFLICT (incident_id, repository, number) DO UPDATE
SET url = excluded.url, branch = excluded.branch, state = excluded.state
