SELECT incident_id, fact_id, log_partition, log_offset, kind, occurred_at, value, chain FROM timeline_events
WHERE incident_id = %(id)s AND log_offset > %(after)s
ORDER BY log_offset
LIMIT %(limit)s
