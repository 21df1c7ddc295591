INSERT INTO timeline_events (incident_id, fact_id, tenant_id, kind, occurred_at, value, log_partition, log_offset, chain)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
