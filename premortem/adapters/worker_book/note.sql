WITH forgotten AS (
  DELETE FROM workers WHERE seen_at < clock_timestamp() - interval '1 day' AND name <> %(worker)s
)
INSERT INTO workers (name, queues) VALUES (%(worker)s, %(queues)s)
ON CONFLICT (name) DO UPDATE SET queues = excluded.queues, seen_at = clock_timestamp()
