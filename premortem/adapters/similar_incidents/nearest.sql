SELECT incident_id, opened_at, features::real[]
FROM similar_incidents
WHERE tenant_id = %(tenant)s AND opened_at < %(before)s
ORDER BY features <=> %(features)s::vector, opened_at DESC, incident_id COLLATE "C"
LIMIT %(limit)s
