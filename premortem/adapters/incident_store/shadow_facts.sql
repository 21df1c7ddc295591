SELECT incident_id, fact_id, log_partition, log_offset, kind, occurred_at, value, chain FROM timeline_events
WHERE incident_id = ANY (%(ids)s::text[])
ORDER BY incident_id, log_offset
