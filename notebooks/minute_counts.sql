-- Events per minute of a tenant's errors, of all or of some; minutes without any have no row. In the table's own order,
-- so that the server sums up row after row and never holds more than one minute.
SELECT tenant_id AS tenant, project_id AS project, fingerprint, minute, uniqExactMerge(event_ids) AS events
FROM events_by_minute
WHERE tenant_id = {tenant:String} AND minute >= {start:Int64}
  AND (empty({fingerprints:Array(String)}) OR has({fingerprints:Array(String)}, fingerprint))
GROUP BY tenant_id, project_id, fingerprint, minute
ORDER BY tenant_id, project_id, fingerprint, minute
SETTINGS optimize_aggregation_in_order = 1
