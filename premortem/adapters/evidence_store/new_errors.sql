-- Fingerprints that the project saw for the first time ever from `start` to `end`, with their events in one environment
-- and on some releases (none named = all), and the first of these; most events first.
SELECT
    fingerprint,
    toUnixTimestamp64Milli(min(occurred_at)) AS first_ms,
    argMin(title, (occurred_at, event_id)) AS first_title,
    uniqExact(event_id) AS events,
    argMin(event_id, (occurred_at, event_id)) AS first_event
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND fingerprint IN (
      SELECT fingerprint
      FROM sightings
      WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      GROUP BY fingerprint
      HAVING min(first_seen) >= {start:Int64} AND min(first_seen) < {end:Int64}
  )
  AND environment = {environment:String}
  AND (empty({releases:Array(String)}) OR release IN {releases:Array(String)})
  AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY fingerprint
ORDER BY events DESC, fingerprint
LIMIT {limit:Int64}
