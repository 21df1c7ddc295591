SELECT i.id, i.kind, p.tenant_id, p.id, i.secret
FROM integrations i JOIN projects p ON p.id = i.project_id
ORDER BY i.id
