UPDATE tasks t
SET receive_count = receive_count + 1,
    receipt = t.id || ':' || (receive_count + 1)::text,
    visible_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id IN (
  SELECT id FROM tasks
  WHERE queue = %(queue)s AND visible_at <= statement_timestamp()
  ORDER BY visible_at
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
)
RETURNING value, receipt, receive_count
