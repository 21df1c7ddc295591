INSERT INTO api_tokens (token_hash, tenant_id, name) VALUES (%(token_hash)s, %(tenant)s, %(name)s)
