-- migrate:up
-- Incidents by what their stacks look like (`domain.likeness`). Searched without an index of its own: a tenant has
-- thousands of incidents, not millions, and an approximate one would lose neighbours behind the tenant's condition.
CREATE TABLE similar_incidents (
  tenant_id text NOT NULL,
  incident_id text NOT NULL,
  project_id bigint NOT NULL,
  opened_at bigint NOT NULL,
  features vector(256) NOT NULL,
  PRIMARY KEY (tenant_id, incident_id)
);

ALTER TABLE similar_incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE similar_incidents FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON similar_incidents FOR SELECT TO premortem_app
  USING (tenant_id = current_setting('app.tenant', true));
CREATE POLICY workers ON similar_incidents TO CURRENT_USER USING (true) WITH CHECK (true);
GRANT SELECT ON similar_incidents TO premortem_app;

-- migrate:down
-- Forward only: restore a backup instead.
