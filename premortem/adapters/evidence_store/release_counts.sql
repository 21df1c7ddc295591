-- Events of some fingerprints in one environment, per release and slot of `width` ms counted from `start`; exact.
SELECT
    intDiv(toUnixTimestamp64Milli(occurred_at) - {start:Int64}, {width:Int64}) AS slot,
    toString(release) AS release_name,
    uniqExact(event_id) AS events
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND fingerprint IN {fingerprints:Array(String)}
  AND environment = {environment:String}
  AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY slot, release_name
ORDER BY slot, release_name
