-- migrate:up
-- A number that a rebuild of the incidents changes: whoever folded upon rows that it replaced must load them anew.
CREATE TABLE incident_generation (
  generation bigint NOT NULL
);
INSERT INTO incident_generation VALUES (0);

-- migrate:down
-- Forward only: restore a backup instead.
