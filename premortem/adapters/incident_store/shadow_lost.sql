SELECT name FROM unnest(%(names)s::text[]) AS name WHERE to_regclass('public.' || name) IS NULL
