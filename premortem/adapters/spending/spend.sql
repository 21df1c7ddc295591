INSERT INTO model_spending AS known (tenant_id, incident_id, day, tokens, microdollars)
VALUES (%(tenant)s, %(incident)s, %(day)s, %(tokens)s, %(microdollars)s)
ON CONFLICT (tenant_id, day, incident_id) DO UPDATE
SET tokens = known.tokens + excluded.tokens, microdollars = known.microdollars + excluded.microdollars
