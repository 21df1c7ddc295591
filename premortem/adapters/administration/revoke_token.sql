DELETE FROM api_tokens WHERE tenant_id = %(tenant)s AND name = %(name)s
