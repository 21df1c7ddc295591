-- migrate:up
-- What SQS cannot remember about tasks: which message of a task counts, who holds it now, and whether it is done.
CREATE TABLE task_receipts (
  task_id text PRIMARY KEY,
  message_id text,
  receipt text,
  done boolean NOT NULL DEFAULT false
);

-- migrate:down
-- Forward only: restore a backup instead.
