-- First and last sighting of one fingerprint, its users (a sketch) and its events (exact); no row when there was none.
SELECT
    min(first_seen), max(last_seen), uniqCombined64Merge(13)(users),
    (
        SELECT uniqExactMerge(event_ids)
        FROM events_by_minute
        WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
          AND fingerprint = {fingerprint:String}
    )
FROM sightings
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND fingerprint = {fingerprint:String}
GROUP BY fingerprint
