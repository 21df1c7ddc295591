SELECT (convert_from(value, 'UTF8')::json -> 'causes')::text FROM incidents
WHERE tenant_id = %(tenant)s AND opened_at >= %(since)s
ORDER BY opened_at, id
