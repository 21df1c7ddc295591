-- migrate:up
-- Incidents, their timelines and pull requests: folds of the timeline, written by `materialize` alone.
CREATE TABLE incidents (
  id text PRIMARY KEY,
  tenant_id text NOT NULL,
  project_id bigint NOT NULL,
  status text NOT NULL,
  severity text NOT NULL,
  environment text,
  title text NOT NULL,
  culprit text NOT NULL,
  opened_at bigint NOT NULL,
  value bytea NOT NULL,
  log_partition integer NOT NULL,
  log_offset bigint NOT NULL
);
CREATE INDEX incidents_newest ON incidents (tenant_id, opened_at DESC, id DESC);
CREATE INDEX incidents_by_status ON incidents (tenant_id, status, opened_at DESC, id DESC);

CREATE TABLE incident_fingerprints (
  incident_id text NOT NULL REFERENCES incidents,
  tenant_id text NOT NULL,
  project_id bigint NOT NULL,
  fingerprint text NOT NULL,
  PRIMARY KEY (incident_id, fingerprint)
);
CREATE INDEX incident_fingerprints_by_fingerprint ON incident_fingerprints (tenant_id, project_id, fingerprint);

CREATE TABLE timeline_events (
  incident_id text NOT NULL,
  fact_id text NOT NULL,
  tenant_id text NOT NULL,
  kind text NOT NULL,
  occurred_at bigint NOT NULL,
  value bytea NOT NULL,
  log_partition integer NOT NULL,
  log_offset bigint NOT NULL,
  PRIMARY KEY (incident_id, fact_id)
);
CREATE INDEX timeline_events_in_order ON timeline_events (incident_id, log_offset);

CREATE TABLE pull_requests (
  incident_id text NOT NULL REFERENCES incidents,
  tenant_id text NOT NULL,
  repository text NOT NULL,
  number integer NOT NULL,
  url text NOT NULL,
  branch text NOT NULL,
  state text NOT NULL,
  PRIMARY KEY (incident_id, repository, number)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['incidents', 'incident_fingerprints', 'timeline_events', 'pull_requests'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    -- A tenant that was never set is NULL, and NULL equals nothing: no row.
    EXECUTE format(
      'CREATE POLICY one_tenant ON %I FOR SELECT TO premortem_app USING (tenant_id = current_setting(''app.tenant'', true))', name
    );
    -- The dataflows fold every tenant's timeline, as the owner.
    EXECUTE format('CREATE POLICY dataflows ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON %I TO premortem_app', name);
  END LOOP;
END $$;

-- migrate:down
-- Forward only: restore a backup instead.
