-- migrate:up
-- Whom to tell about incidents, and who was told what: a task that is done twice tells nobody twice.
CREATE TABLE notification_targets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants,
  project_id bigint REFERENCES projects,
  kind text NOT NULL,
  url text NOT NULL,
  secrets text[] NOT NULL,
  occasions text[] NOT NULL
);
CREATE INDEX notification_targets_of_tenant ON notification_targets (tenant_id, id);

CREATE TABLE notices_told (
  notice_id text NOT NULL,
  target_id bigint NOT NULL REFERENCES notification_targets ON DELETE CASCADE,
  told_at bigint NOT NULL,
  PRIMARY KEY (notice_id, target_id)
);
CREATE INDEX notices_told_lately ON notices_told (target_id, told_at);

-- migrate:down
-- Forward only: restore a backup instead.
