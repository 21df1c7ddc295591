SELECT value, log_partition, log_offset, chain FROM incidents WHERE id = ANY (%(ids)s::text[])
