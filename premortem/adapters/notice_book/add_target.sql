INSERT INTO notification_targets (tenant_id, project_id, kind, url, secrets, occasions)
SELECT %(tenant)s, %(project)s, %(kind)s, %(url)s, %(secrets)s, %(occasions)s
WHERE EXISTS (SELECT FROM tenants WHERE id = %(tenant)s)
  AND (%(project)s::bigint IS NULL OR EXISTS (
    SELECT FROM projects WHERE id = %(project)s::bigint AND tenant_id = %(tenant)s))
RETURNING id
