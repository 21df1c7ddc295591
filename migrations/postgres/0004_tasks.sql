-- migrate:up
-- Task queues with SQS's words. A task id is accepted once for ever, so a replayed fact cannot ask for work twice.
CREATE TABLE task_ids (
  id text PRIMARY KEY
);

CREATE TABLE tasks (
  id text PRIMARY KEY,
  queue text NOT NULL,
  value bytea NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  visible_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  receive_count integer NOT NULL DEFAULT 0,
  receipt text
);
CREATE INDEX tasks_visible ON tasks (queue, visible_at);

-- migrate:down
-- Forward only: restore a backup instead.
