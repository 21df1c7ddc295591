-- Events of all fingerprints in one environment, per release and slot; a sketch, since busy projects have millions.
-- An event is received at most a minute before the time that it names, so older partitions need not be read.
SELECT
    intDiv(toUnixTimestamp64Milli(occurred_at) - {start:Int64}, {width:Int64}) AS slot,
    toString(release) AS release_name,
    uniqCombined64(12)(event_id) AS events
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND environment = {environment:String}
  AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
  AND received_at >= fromUnixTimestamp64Milli({start:Int64} - 3600000, 'UTC')
GROUP BY slot, release_name
ORDER BY slot, release_name
