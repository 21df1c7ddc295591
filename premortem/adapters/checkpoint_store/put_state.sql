INSERT INTO checkpoint_state (flow, partition, name, value)
SELECT %(flow)s, %(partition)s, s.name, s.value
FROM unnest(%(names)b::text[], %(values)b::bytea[]) AS s (name, value)
ON CONFLICT (flow, partition, name) DO UPDATE SET value = excluded.value
