INSERT INTO incidents (
  id, tenant_id, project_id, status, severity, environment, title, culprit, opened_at, value, log_partition, log_offset,
  chain
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status, severity = excluded.severity, environment = excluded.environment, title = excluded.title,
  culprit = excluded.culprit, value = excluded.value, log_partition = excluded.log_partition,
  log_offset = excluded.log_offset, chain = excluded.chain
WHERE incidents.log_offset < excluded.log_offset
