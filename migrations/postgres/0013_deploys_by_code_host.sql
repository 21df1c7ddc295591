-- migrate:up
-- What the code host tells that counts as a deploy of the project, and how the release is named after it.
ALTER TABLE repositories
  ADD COLUMN deployed_by text NOT NULL DEFAULT 'nothing'
    CHECK (deployed_by IN ('nothing', 'deployment', 'release', 'push')),
  ADD COLUMN environment text NOT NULL DEFAULT 'production',
  ADD COLUMN release_prefix text NOT NULL DEFAULT '';
GRANT SELECT (deployed_by, environment, release_prefix) ON repositories TO premortem_app;

-- migrate:down
-- Forward only: restore a backup instead.
