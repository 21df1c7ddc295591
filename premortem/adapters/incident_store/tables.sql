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
  log_offset bigint NOT NULL,
  chain text NOT NULL DEFAULT ''
);

CREATE TABLE incident_fingerprints (
  incident_id text NOT NULL,
  tenant_id text NOT NULL,
  project_id bigint NOT NULL,
  fingerprint text NOT NULL,
  PRIMARY KEY (incident_id, fingerprint)
);

CREATE TABLE timeline_events (
  incident_id text NOT NULL,
  fact_id text NOT NULL,
  tenant_id text NOT NULL,
  kind text NOT NULL,
  occurred_at bigint NOT NULL,
  value bytea NOT NULL,
  log_partition integer NOT NULL,
  log_offset bigint NOT NULL,
  chain text NOT NULL DEFAULT '',
  PRIMARY KEY (incident_id, fact_id)
);

CREATE TABLE pull_requests (
  incident_id text NOT NULL,
  tenant_id text NOT NULL,
  repository text NOT NULL,
  number integer NOT NULL,
  url text NOT NULL,
  branch text NOT NULL,
  state text NOT NULL,
  PRIMARY KEY (incident_id, repository, number)
);
