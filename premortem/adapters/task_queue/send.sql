WITH sent AS (
  SELECT * FROM unnest(%(ids)s::text[], %(queues)s::text[], %(values)b::bytea[]) AS s (id, queue, value)
), fresh AS (
  INSERT INTO task_ids (id) SELECT DISTINCT id FROM sent ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO tasks (id, queue, value)
SELECT DISTINCT ON (id) id, queue, value FROM sent JOIN fresh USING (id)
