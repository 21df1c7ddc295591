SELECT "offset", key, value, recorded_at FROM log_table
WHERE partition = %s AND "offset" >= %s
ORDER BY "offset"
LIMIT %s
