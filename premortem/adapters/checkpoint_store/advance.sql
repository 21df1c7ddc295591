INSERT INTO checkpoints (flow, partition, next_offset)
SELECT %(flow)s, %(partition)s, %(next_offset)s
WHERE %(known)s = 0 OR EXISTS (SELECT FROM checkpoints WHERE flow = %(flow)s AND partition = %(partition)s)
ON CONFLICT (flow, partition) DO UPDATE SET next_offset = excluded.next_offset
WHERE checkpoints.next_offset BETWEEN %(known)s AND excluded.next_offset
RETURNING next_offset
