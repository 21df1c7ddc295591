DROP TABLE IF EXISTS public.pull_requests, public.incident_fingerprints, public.timeline_events, public.incidents;
SET LOCAL search_path = public;
