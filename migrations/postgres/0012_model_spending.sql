-- migrate:up
-- What language models took, by incident and day (UTC, of the log's time): what budgets are measured against.
CREATE TABLE model_spending (
  tenant_id text NOT NULL,
  day bigint NOT NULL,
  incident_id text NOT NULL,
  tokens bigint NOT NULL,
  microdollars bigint NOT NULL,
  PRIMARY KEY (tenant_id, day, incident_id)
);
CREATE INDEX model_spending_by_incident ON model_spending (tenant_id, incident_id);

-- migrate:down
-- Forward only: restore a backup instead.
