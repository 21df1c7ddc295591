SELECT
  coalesce(sum(tokens) FILTER (WHERE incident_id = %(incident)s), 0)::bigint,
  coalesce(sum(microdollars) FILTER (WHERE incident_id = %(incident)s), 0)::bigint,
  coalesce(sum(tokens) FILTER (WHERE day = %(day)s), 0)::bigint,
  coalesce(sum(microdollars) FILTER (WHERE day = %(day)s), 0)::bigint
FROM model_spending
WHERE tenant_id = %(tenant)s AND (incident_id = %(incident)s OR day = %(day)s)
