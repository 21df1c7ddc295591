-- migrate:up
-- The hash chain over each incident's timeline: its head, and the head after each fact. Rows of before have none ('');
-- `premortem replay rebuild --swap` folds the log anew and fills them in.
ALTER TABLE incidents ADD COLUMN chain text NOT NULL DEFAULT '';
ALTER TABLE timeline_events ADD COLUMN chain text NOT NULL DEFAULT '';

-- migrate:down
-- Forward only: restore a backup instead.
