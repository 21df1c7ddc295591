INSERT INTO similar_incidents (tenant_id, incident_id, project_id, opened_at, features)
VALUES (%(tenant)s, %(incident)s, %(project)s, %(opened_at)s, %(features)s::vector)
ON CONFLICT (tenant_id, incident_id) DO UPDATE SET features = EXCLUDED.features, opened_at = EXCLUDED.opened_at
