-- Releases whose first event or session ever in one environment came at `since` or later, in order of that time. Those
-- of whole hours before are left out by a rollup, of which no counts are read.
SELECT name, min(at) AS first_ms
FROM (
    SELECT toString(release) AS name, min(toUnixTimestamp64Milli(occurred_at)) AS at
    FROM raw_events
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String}
      AND received_at >= fromUnixTimestamp64Milli({since:Int64} - 7200000, 'UTC')
      AND release != ''
    GROUP BY name
    UNION ALL
    SELECT toString(release) AS name, min(toUnixTimestamp64Milli(started_at)) AS at
    FROM sessions
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String}
      AND release != ''
    GROUP BY name
)
WHERE name NOT IN (
    SELECT toString(release)
    FROM events_by_release
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String}
      AND hour < {since:Int64} - positiveModulo({since:Int64}, 3600000)
)
GROUP BY name
HAVING first_ms >= {since:Int64}
ORDER BY first_ms, name
LIMIT {limit:Int64}
