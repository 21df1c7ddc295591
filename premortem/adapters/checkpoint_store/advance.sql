INSERT INTO checkpoints (flow, partition, next_offset) VALUES (%(flow)s, %(partition)s, %(next_offset)s)
ON CONFLICT (flow, partition) DO UPDATE SET next_offset = excluded.next_offset
WHERE checkpoints.next_offset <= excluded.next_offset
RETURNING next_offset
