SELECT id, project_id, kind, url, secrets, occasions FROM notification_targets
WHERE tenant_id = %(tenant)s
  AND (%(project)s::bigint IS NULL OR project_id IS NULL OR project_id = %(project)s::bigint)
ORDER BY id
