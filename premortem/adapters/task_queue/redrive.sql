UPDATE tasks SET queue = %(queue)s, receive_count = 0, receipt = NULL
WHERE id IN (
  SELECT id FROM tasks
  WHERE queue = %(queue)s || '-dlq' AND visible_at <= statement_timestamp() AND coalesce(%(task)s::text, id) = id
  FOR UPDATE SKIP LOCKED
)
