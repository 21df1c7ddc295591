-- How far the events of some fingerprints reach: users are a sketch (about 2 % off), the rest is exact. One row always.
SELECT
    uniqExact(event_id) AS events,
    uniqCombined64If(13)(user_hash, user_hash != '') AS users,
    arraySlice(arraySort(groupUniqArrayIf(toString(release), release != '')), 1, 50) AS releases,
    arraySlice(arraySort(groupUniqArrayIf(toString(environment), environment != '')), 1, 50) AS environments,
    toUnixTimestamp64Milli(min(occurred_at)) AS first_ms,
    toUnixTimestamp64Milli(max(occurred_at)) AS last_ms
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND fingerprint IN {fingerprints:Array(String)}
  AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
