INSERT INTO log_table (partition, "offset", key, value)
SELECT * FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::bytea[])
