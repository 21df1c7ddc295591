WITH created AS (
  INSERT INTO projects (tenant_id, slug, name) VALUES (%(tenant)s, %(slug)s, %(name)s) RETURNING id
)
INSERT INTO project_keys (public_key, project_id) SELECT %(public_key)s, id FROM created RETURNING project_id
