SELECT name, clone_url, branch, path_prefix, deployed_by, environment, release_prefix FROM repositories
WHERE tenant_id = %(tenant)s AND project_id = %(project)s
ORDER BY name COLLATE "C"
