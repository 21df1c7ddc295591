WITH gone AS (SELECT unnest(%(ids)s::text[]) AS id), f AS (
  DELETE FROM incident_fingerprints USING gone WHERE incident_id = gone.id
), p AS (
  DELETE FROM pull_requests USING gone WHERE incident_id = gone.id
)
DELETE FROM incidents USING gone WHERE incidents.id = gone.id
