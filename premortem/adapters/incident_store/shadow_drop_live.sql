-- In the order in which saves lock them: whoever waits here holds nothing that a save waits for.
DROP TABLE IF EXISTS public.incidents, public.incident_fingerprints, public.pull_requests, public.timeline_events;
SET LOCAL search_path = public;
