INSERT INTO integrations (kind, project_id, secret)
SELECT %(kind)s, id, %(secret)s FROM projects WHERE id = %(project)s AND tenant_id = %(tenant)s
