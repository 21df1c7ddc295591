SELECT log_ensure_day((now() AT TIME ZONE 'UTC')::date + n) FROM generate_series(0, 1) AS n
