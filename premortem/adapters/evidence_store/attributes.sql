-- What events carry (tags, release, environment, user): how many of those inside have it, how many of those before. The
-- row without a name counts all. Sketches: exact up to some hundreds, then about 2 % off. No fingerprint before = all.
SELECT
    name, value,
    uniqCombined64If(12)(event, inside = 1) AS inside_events,
    uniqCombined64If(12)(event, inside = 0) AS before_events
FROM (
    SELECT
        cityHash64(event_id) AS event, 1 AS inside,
        arrayConcat(['', 'release', 'environment', 'user'], arrayMap(each -> concat('tag:', each), tag_names)) AS names,
        arrayConcat(['', toString(release), toString(environment), user_hash], tag_values) AS texts
    FROM raw_events
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND fingerprint IN {inside_fingerprints:Array(String)}
      AND occurred_at >= fromUnixTimestamp64Milli({inside_start:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({inside_end:Int64}, 'UTC')
    UNION ALL
    SELECT
        cityHash64(event_id) AS event, 0 AS inside,
        arrayConcat(['', 'release', 'environment', 'user'], arrayMap(each -> concat('tag:', each), tag_names)) AS names,
        arrayConcat(['', toString(release), toString(environment), user_hash], tag_values) AS texts
    FROM raw_events
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND (empty({before_fingerprints:Array(String)}) OR fingerprint IN {before_fingerprints:Array(String)})
      AND occurred_at >= fromUnixTimestamp64Milli({before_start:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({before_end:Int64}, 'UTC')
      AND received_at >= fromUnixTimestamp64Milli({before_start:Int64} - 3600000, 'UTC')
)
ARRAY JOIN names AS name, texts AS value
WHERE value != '' OR name = ''
GROUP BY name, value
HAVING inside_events > 1 OR name = ''
ORDER BY name != '', inside_events DESC, name, value
LIMIT {limit:Int64} + 1
