INSERT INTO repositories (tenant_id, project_id, name, clone_url, branch, path_prefix)
SELECT tenant_id, id, %(name)s, %(clone_url)s, %(branch)s, %(path_prefix)s
FROM projects WHERE id = %(project)s AND tenant_id = %(tenant)s
ON CONFLICT (tenant_id, project_id, name) DO UPDATE
SET clone_url = EXCLUDED.clone_url, branch = EXCLUDED.branch, path_prefix = EXCLUDED.path_prefix
