-- Some events of some fingerprints with their bodies: those of the smallest ids, which are random and stay the same.
SELECT
    tenant_id, project_id, event_id, fingerprint,
    toUnixTimestamp64Milli(occurred_at) AS occurred_ms,
    toUnixTimestamp64Milli(received_at) AS received_ms,
    level, platform, release, environment, user_hash, title, tag_names, tag_values, payload
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND (fingerprint, occurred_at, event_id) IN (
      SELECT fingerprint, occurred_at, event_id
      FROM raw_events
      WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
        AND fingerprint IN {fingerprints:Array(String)}
        AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
      ORDER BY event_id, fingerprint, occurred_at
      LIMIT {limit:Int64} * 4
  )
ORDER BY event_id, received_at, occurred_at, fingerprint
LIMIT 1 BY event_id
LIMIT {limit:Int64}
