-- How the tables are found, and by whom: what a shadow does not need.
CREATE INDEX incidents_newest ON incidents (tenant_id, opened_at DESC, id DESC);
CREATE INDEX incidents_by_status ON incidents (tenant_id, status, opened_at DESC, id DESC);
CREATE INDEX incidents_by_project ON incidents (tenant_id, project_id, opened_at DESC, id DESC);
CREATE INDEX incidents_by_environment ON incidents (tenant_id, environment, opened_at DESC, id DESC);
CREATE INDEX incidents_with_outcomes ON incidents (tenant_id) WHERE incident_outcomes(value) IS NOT NULL;
CREATE INDEX incident_fingerprints_by_fingerprint ON incident_fingerprints (tenant_id, project_id, fingerprint);
CREATE INDEX timeline_events_in_order ON timeline_events (incident_id, log_offset);

ALTER TABLE incident_fingerprints ADD FOREIGN KEY (incident_id) REFERENCES incidents;
ALTER TABLE pull_requests ADD FOREIGN KEY (incident_id) REFERENCES incidents;

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
    EXECUTE format('CREATE POLICY dataflows ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON %I TO premortem_app', name);
  END LOOP;
END $$;
