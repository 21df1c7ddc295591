SELECT outcomes FROM incidents
WHERE tenant_id = %(tenant)s AND outcomes IS NOT NULL
ORDER BY id
