INSERT INTO repositories
  (tenant_id, project_id, name, clone_url, branch, path_prefix, deployed_by, environment, release_prefix)
SELECT tenant_id, id, %(name)s, %(clone_url)s, %(branch)s, %(path_prefix)s, %(deployed_by)s, %(environment)s,
  %(release_prefix)s
FROM projects WHERE id = %(project)s AND tenant_id = %(tenant)s
ON CONFLICT (tenant_id, project_id, name) DO UPDATE
SET clone_url = EXCLUDED.clone_url, branch = EXCLUDED.branch, path_prefix = EXCLUDED.path_prefix,
  deployed_by = EXCLUDED.deployed_by, environment = EXCLUDED.environment, release_prefix = EXCLUDED.release_prefix
