INSERT INTO incident_fingerprints (incident_id, tenant_id, project_id, fingerprint) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
