-- migrate:up
-- Where a project's code is: read at commits by the workers, and where their pull requests go.
DROP TABLE project_repositories; -- nothing ever wrote it

CREATE TABLE repositories (
  tenant_id text NOT NULL REFERENCES tenants,
  project_id bigint NOT NULL REFERENCES projects,
  name text NOT NULL,
  clone_url text NOT NULL,
  branch text NOT NULL,
  path_prefix text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, project_id, name)
);

ALTER TABLE repositories ENABLE ROW LEVEL SECURITY;
ALTER TABLE repositories FORCE ROW LEVEL SECURITY;
-- A tenant's reads see no clone URL: it may hold a password.
CREATE POLICY one_tenant ON repositories FOR SELECT TO premortem_app
  USING (tenant_id = current_setting('app.tenant', true));
CREATE POLICY administration ON repositories TO CURRENT_USER USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, project_id, name, branch, path_prefix) ON repositories TO premortem_app;

-- migrate:down
-- Forward only: restore a backup instead.
