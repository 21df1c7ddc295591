UPDATE project_keys SET active = false WHERE public_key = %(public_key)s
