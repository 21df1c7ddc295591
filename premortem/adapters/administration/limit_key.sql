UPDATE project_keys SET events_per_minute = %(events)s WHERE public_key = %(public_key)s
