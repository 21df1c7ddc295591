SELECT asked.queue
FROM unnest(%(queues)s::text[]) AS asked (queue), LATERAL (
  SELECT FROM tasks WHERE tasks.queue = asked.queue AND visible_at <= statement_timestamp() ORDER BY visible_at LIMIT 1
) AS first
