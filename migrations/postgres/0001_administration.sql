-- migrate:up
-- Tenants, projects, keys and tokens: kept outside the log and outside replay.
CREATE EXTENSION IF NOT EXISTS vector;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'premortem_app') THEN
    -- Reads for one tenant run as this role: it owns nothing, so row-level security binds it.
    CREATE ROLE premortem_app NOLOGIN NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was quicker
END $$;

CREATE TABLE tenants (
  id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants,
  slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, slug)
);

CREATE TABLE project_keys (
  public_key text PRIMARY KEY CHECK (public_key ~ '^[0-9a-f]{32}$'),
  project_id bigint NOT NULL REFERENCES projects,
  active boolean NOT NULL DEFAULT true,
  events_per_minute integer NOT NULL DEFAULT 0 CHECK (events_per_minute >= 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX project_keys_project ON project_keys (project_id);

CREATE TABLE api_tokens (
  token_hash text PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  tenant_id text NOT NULL REFERENCES tenants,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE integrations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('sentry-platform', 'sentry-plugin', 'sentry-service-hook', 'github')),
  project_id bigint NOT NULL REFERENCES projects,
  secret text NOT NULL CHECK (secret <> ''),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE project_repositories (
  project_id bigint NOT NULL REFERENCES projects,
  repository text NOT NULL,
  default_branch text NOT NULL DEFAULT 'main',
  PRIMARY KEY (project_id, repository)
);

-- What a person set per project, as folded from the project stream.
CREATE TABLE rules (
  project_id bigint NOT NULL REFERENCES projects,
  rule text NOT NULL,
  value double precision NOT NULL,
  PRIMARY KEY (project_id, rule)
);

-- migrate:down
-- Forward only: restore a backup instead.
