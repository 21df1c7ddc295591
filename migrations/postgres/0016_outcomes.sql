-- migrate:up
-- What is known of the causes of an incident, out of its own bytes: NULL where nobody judged one. With its index the
-- worker that asks for outcomes before it proposes another cause reads the few incidents that have any.
CREATE FUNCTION incident_outcomes(value bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT causes FROM (SELECT (convert_from(value, 'UTF8')::json -> 'causes')::text AS causes) AS found
  WHERE causes ~ '"(said|measured)":'
$$;
CREATE INDEX incidents_with_outcomes ON incidents (tenant_id) WHERE incident_outcomes(value) IS NOT NULL;

-- migrate:down
-- Forward only: restore a backup instead.
