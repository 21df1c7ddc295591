SELECT k.public_key, p.tenant_id, p.id, k.active, k.events_per_minute
FROM project_keys k JOIN projects p ON p.id = k.project_id
WHERE k.public_key = %(public_key)s
