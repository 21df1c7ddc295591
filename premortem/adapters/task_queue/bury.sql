UPDATE tasks SET queue = queue || '-dlq', receive_count = 0, receipt = NULL
WHERE id IN (
  SELECT id FROM tasks
  WHERE queue = %(queue)s AND visible_at <= statement_timestamp() AND receive_count >= %(most)s
  FOR UPDATE SKIP LOCKED
)
