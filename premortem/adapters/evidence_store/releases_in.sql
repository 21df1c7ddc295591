-- Releases with events in one environment, the newest first: when they were seen, their events (a sketch), and how many
-- of these are of some fingerprints: all, and those at `since` or later.
SELECT
    toString(release) AS release_name,
    toUnixTimestamp64Milli(min(occurred_at)) AS first_ms,
    toUnixTimestamp64Milli(max(occurred_at)) AS last_ms,
    uniqCombined64(12)(event_id) AS events,
    uniqExactIf(event_id, fingerprint IN {fingerprints:Array(String)}) AS failing,
    uniqExactIf(
        event_id,
        fingerprint IN {fingerprints:Array(String)} AND occurred_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    ) AS failing_since
FROM raw_events
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND environment = {environment:String}
  AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
  AND received_at >= fromUnixTimestamp64Milli({start:Int64} - 3600000, 'UTC')
  AND release != ''
GROUP BY release_name
ORDER BY first_ms DESC, release_name DESC
LIMIT {limit:Int64}
