-- Sessions in one environment, per release and slot of `width` ms counted from `start`; a row that came twice is one.
SELECT
    intDiv(toUnixTimestamp64Milli(started_at) - {start:Int64}, {width:Int64}) AS slot,
    toString(release) AS release_name,
    sum(exited + errored + crashed + abnormal) AS sessions
FROM sessions FINAL
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND environment = {environment:String}
  AND started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY slot, release_name
ORDER BY slot, release_name
