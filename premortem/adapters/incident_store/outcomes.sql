SELECT incident_outcomes(value) FROM incidents
WHERE tenant_id = %(tenant)s AND incident_outcomes(value) IS NOT NULL
ORDER BY id
