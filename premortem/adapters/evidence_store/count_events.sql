-- Distinct events of all tenants, for conservation checks: reads every id, so never on a path that somebody waits for.
SELECT uniqExact(tenant_id, project_id, event_id) FROM raw_events
