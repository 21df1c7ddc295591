DELETE FROM repositories WHERE tenant_id = %(tenant)s AND project_id = %(project)s AND name = %(name)s
