INSERT INTO pull_requests (incident_id, tenant_id, repository, number, url, branch, state)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (incident_id, repository, number) DO UPDATE SET state = excluded.state
WHERE pull_requests.state = 'draft'
