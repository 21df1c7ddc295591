-- migrate:up
-- Reads for one tenant become the role premortem_app. A superuser may always; whoever made the role with CREATEROLE may
-- only give it away (ADMIN), so the owner gives it to itself. Not to inherit from: its own policy says what it sees.
DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'premortem_app', 'SET') THEN
    GRANT premortem_app TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
  END IF;
  IF NOT has_schema_privilege('premortem_app', 'public', 'USAGE') THEN -- where the schema is closed to everybody
    GRANT USAGE ON SCHEMA public TO premortem_app;
    IF NOT has_schema_privilege('premortem_app', 'public', 'USAGE') THEN -- a grant that may not be is but a warning
      RAISE insufficient_privilege USING MESSAGE = 'premortem_app may not use the schema public';
    END IF;
  END IF;
END $$;

-- migrate:down
-- Forward only: restore a backup instead.
