-- migrate:up
-- What is asked for often is found by an index, also when it is rare: tasks received too often, a project's incidents, an
-- environment's. (A text in a title has none: row-level security lets no index be used for ILIKE.)
CREATE INDEX tasks_received ON tasks (queue, receive_count);
CREATE INDEX incidents_by_project ON incidents (tenant_id, project_id, opened_at DESC, id DESC);
CREATE INDEX incidents_by_environment ON incidents (tenant_id, environment, opened_at DESC, id DESC);

-- migrate:down
-- Forward only: restore a backup instead.
