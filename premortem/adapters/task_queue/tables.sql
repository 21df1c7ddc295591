-- The tables that queues need in PostgreSQL, as the migrations made them: made anew when they were lost.
CREATE TABLE IF NOT EXISTS task_ids (
  id text PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS tasks (
  id text PRIMARY KEY,
  queue text NOT NULL,
  value bytea NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  visible_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  receive_count integer NOT NULL DEFAULT 0,
  receipt text
);
CREATE INDEX IF NOT EXISTS tasks_visible ON tasks (queue, visible_at);
CREATE INDEX IF NOT EXISTS tasks_received ON tasks (queue, receive_count);

CREATE TABLE IF NOT EXISTS task_receipts (
  task_id text PRIMARY KEY,
  message_id text,
  receipt text,
  done boolean NOT NULL DEFAULT false
);
