-- Every incident that differs leaves the live tables with all its rows and comes back with those of the shadow: policies,
-- grants and indexes stay what they were, and readers see the one state or the other.
DELETE FROM public.timeline_events WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);
DELETE FROM public.pull_requests WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);
DELETE FROM public.incident_fingerprints WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);
DELETE FROM public.incidents WHERE id IN (SELECT id FROM premortem_shadow.changed);

INSERT INTO public.incidents
  SELECT s.* FROM premortem_shadow.incidents s WHERE id IN (SELECT id FROM premortem_shadow.changed);
INSERT INTO public.incident_fingerprints
  SELECT s.* FROM premortem_shadow.incident_fingerprints s
  WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);
INSERT INTO public.pull_requests
  SELECT s.* FROM premortem_shadow.pull_requests s WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);
INSERT INTO public.timeline_events
  SELECT s.* FROM premortem_shadow.timeline_events s WHERE incident_id IN (SELECT id FROM premortem_shadow.changed);

-- The number of a transaction never comes a second time, also where this table was lost with the others.
CREATE TABLE IF NOT EXISTS public.incident_generation (generation bigint NOT NULL);
DELETE FROM public.incident_generation;
INSERT INTO public.incident_generation VALUES (pg_current_xact_id()::text::bigint);
