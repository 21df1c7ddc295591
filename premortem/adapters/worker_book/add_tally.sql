INSERT INTO worker_tallies AS old (queue, received, answered, deleted, retried, buried)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (queue) DO UPDATE SET
  received = old.received + excluded.received,
  answered = old.answered + excluded.answered,
  deleted = old.deleted + excluded.deleted,
  retried = old.retried + excluded.retried,
  buried = old.buried + excluded.buried
