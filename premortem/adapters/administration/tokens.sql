SELECT name FROM api_tokens WHERE tenant_id = %(tenant)s ORDER BY created_at, name
