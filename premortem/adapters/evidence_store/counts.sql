-- Events per minute of one fingerprint; minutes without any have no row.
SELECT minute, uniqExactMerge(event_ids) AS events
FROM events_by_minute
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND fingerprint = {fingerprint:String}
  AND minute >= {start:Int64} AND minute < {end:Int64}
GROUP BY minute
ORDER BY minute
