-- What a rebuild that was killed has left behind goes first.
DROP SCHEMA IF EXISTS premortem_shadow CASCADE;
CREATE SCHEMA premortem_shadow;
SET LOCAL search_path = premortem_shadow;
