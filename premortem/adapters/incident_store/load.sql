SELECT value, log_partition, log_offset FROM incidents WHERE id = ANY (%(ids)s::text[])
