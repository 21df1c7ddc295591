SELECT id FROM (
  SELECT coalesce(l.id, s.id) AS id
  FROM public.incidents l FULL JOIN premortem_shadow.incidents s ON l.id = s.id
  WHERE l.* IS DISTINCT FROM s.*
  UNION
  SELECT coalesce(l.incident_id, s.incident_id)
  FROM public.incident_fingerprints l FULL JOIN premortem_shadow.incident_fingerprints s
    ON l.incident_id = s.incident_id AND l.fingerprint = s.fingerprint
  WHERE l.* IS DISTINCT FROM s.*
  UNION
  SELECT coalesce(l.incident_id, s.incident_id)
  FROM public.pull_requests l FULL JOIN premortem_shadow.pull_requests s
    ON l.incident_id = s.incident_id AND l.repository = s.repository AND l.number = s.number
  WHERE l.* IS DISTINCT FROM s.*
  UNION
  SELECT coalesce(l.incident_id, s.incident_id)
  FROM public.timeline_events l FULL JOIN premortem_shadow.timeline_events s
    ON l.incident_id = s.incident_id AND l.fact_id = s.fact_id
  WHERE l.* IS DISTINCT FROM s.*
) AS differing
ORDER BY id COLLATE "C"
