-- Of the events of some fingerprints: the first, the latest, and the first of the rarest (title, release, environment);
-- and how many such combinations there are.
SELECT
    tupleElement(min(first), 2),
    tupleElement(max(latest), 2),
    tupleElement(argMin(first, (events, first)), 2),
    count()
FROM (
    SELECT min((occurred_at, event_id)) AS first, max((occurred_at, event_id)) AS latest, uniqExact(event_id) AS events
    FROM raw_events
    WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
      AND fingerprint IN {fingerprints:Array(String)}
      AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    GROUP BY title, release, environment
)
