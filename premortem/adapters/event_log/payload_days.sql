SELECT c.relname
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'log_payloads'::regclass
  AND to_date(right(c.relname, 8), 'YYYYMMDD') < (to_timestamp(%(before)s / 1000.0) AT TIME ZONE 'UTC')::date
ORDER BY c.relname
