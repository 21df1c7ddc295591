-- One event with its body; of several rows with the id, the one that arrived first.
SELECT
    tenant_id, project_id, event_id, fingerprint,
    toUnixTimestamp64Milli(occurred_at) AS occurred_ms,
    toUnixTimestamp64Milli(received_at) AS received_ms,
    level, platform, release, environment, user_hash, title, tag_names, tag_values, payload
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND event_id = {event_id:String}
ORDER BY received_at, occurred_at, fingerprint
LIMIT 1
