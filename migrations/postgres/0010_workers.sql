-- migrate:up
-- What workers say of themselves, for operators: which queues are read, and what became of tasks.
CREATE TABLE workers (
  name text PRIMARY KEY,
  queues text[] NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE worker_tallies (
  queue text PRIMARY KEY,
  received bigint NOT NULL,
  answered bigint NOT NULL,
  deleted bigint NOT NULL,
  retried bigint NOT NULL,
  buried bigint NOT NULL
);

-- migrate:down
-- Forward only: restore a backup instead.
