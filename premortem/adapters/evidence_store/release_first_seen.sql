-- The first event or session of one release in one environment; NULL when there is none. A rollup tells the hour.
WITH (
    SELECT min(hour)
    FROM events_by_release
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String} AND release = {release:String}
) AS first_hour
SELECT minOrNull(at)
FROM (
    SELECT toUnixTimestamp64Milli(occurred_at) AS at
    FROM raw_events
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String} AND release = {release:String}
      AND occurred_at >= fromUnixTimestamp64Milli(first_hour, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli(first_hour + 3600000, 'UTC')
      AND received_at >= fromUnixTimestamp64Milli(first_hour - 3600000, 'UTC')
    UNION ALL
    SELECT toUnixTimestamp64Milli(started_at) AS at
    FROM sessions
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND environment = {environment:String} AND release = {release:String}
)
