SELECT p.id, p.slug, p.name,
  ARRAY(SELECT k.public_key FROM project_keys k WHERE k.project_id = p.id ORDER BY k.created_at, k.public_key)
FROM projects p
WHERE p.tenant_id = %(tenant)s
ORDER BY p.id
