INSERT INTO project_keys (public_key, project_id)
SELECT %(public_key)s, id FROM projects WHERE id = %(project)s AND tenant_id = %(tenant)s
