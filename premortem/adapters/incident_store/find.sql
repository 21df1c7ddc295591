SELECT value FROM incidents
WHERE tenant_id = current_setting('app.tenant', true)
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(project)s::bigint IS NULL OR project_id = %(project)s)
  AND (%(environment)s::text IS NULL OR environment = %(environment)s)
  AND (%(text)s::text IS NULL OR title ILIKE %(text)s OR culprit ILIKE %(text)s)
  AND (%(opened_at)s::bigint IS NULL OR (opened_at, id) < (%(opened_at)s::bigint, %(id)s::text))
ORDER BY opened_at DESC, id DESC
LIMIT %(limit)s
